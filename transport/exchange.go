package transport

import (
	"bytes"
	"net/http"
	"net/url"
)

// An exchange is a request that came over an httpLine, and its answer. It is used for one after
// the other: most of what a request takes is the same size as for the one before.
type exchange struct {
	blank   *http.Request // that requests begin as
	renew   func()        // makes it ready for the next one; nil: it always is
	request http.Request
	url     url.URL
	header  http.Header // of the request
	values  []string    // in it
	body    lineBody
	writer  lineWriter
}

func newExchange(blank *http.Request) *exchange {
	return &exchange{blank: blank, header: make(http.Header), writer: lineWriter{header: make(http.Header)}}
}

// mostFields is how large maps may be to be used again, in fields.
const mostFields = 64

// take makes the request, whose head was parsed, one that came over l.
func (x *exchange) take(l *httpLine, head, body []byte) {
	if len(body) > 0 {
		x.body.Reset(body)
		x.request.Body = &x.body
	}
	x.request.RemoteAddr = l.remote
	x.writer.line, x.writer.requestHead, x.writer.requestBody = l, head, body
}

// recycle takes an exchange back. Nobody uses the request, or what it was answered with, any more.
func (f *front) recycle(x *exchange) {
	if len(x.header) <= mostFields && len(x.writer.header) <= mostFields && cap(x.writer.body) <= scratchKept {
		x.clear()
		f.exchanges.Put(x)
	}
}

// clear makes an exchange ready for the next one.
func (x *exchange) clear() {
	if x.renew != nil {
		x.renew()
	}
	x.request, x.url = http.Request{}, url.URL{}
	clear(x.header)
	clear(x.values)
	x.body.Reset(nil)
	clear(x.writer.header)
	x.writer = lineWriter{header: x.writer.header, body: x.writer.body[:0]}
}

// A lineBody is the body of a request, all of which has come.
type lineBody struct{ bytes.Reader }

// Close implements [io.Closer].
func (*lineBody) Close() error { return nil }
