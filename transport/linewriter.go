package transport

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/transport/internal/netpoll"
)

// A lineWriter collects the answer to a request that came over an httpLine.
type lineWriter struct {
	line                     *httpLine
	requestHead, requestBody []byte

	header http.Header
	status int
	body   []byte
	held   bool // it is answered by somebody else
}

// Header implements [http.ResponseWriter].
func (w *lineWriter) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *lineWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *lineWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}

// Flush implements [http.Flusher]: the answer leaves whole.
func (w *lineWriter) Flush() {}

// SetReadDeadline and SetWriteDeadline are for [http.ResponseController]: the request is read, and
// its answer waits for nobody here.
func (w *lineWriter) SetReadDeadline(time.Time) error  { return nil }
func (w *lineWriter) SetWriteDeadline(time.Time) error { return nil }

var errAnswered = errors.New("the request was answered")

// Hijack implements [http.Hijacker]: who calls it has the connection without the line.
func (w *lineWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.status != 0 || w.held {
		return nil, nil, errAnswered
	}
	early, err := w.line.detach()
	if err != nil {
		return nil, nil, err
	}
	w.held = true
	r := bufio.NewReaderSize(bytes.NewReader(early), len(early))
	_, _ = r.Peek(len(early)) // so that it is seen to have come
	return &lineConn{w.line}, bufio.NewReadWriter(r, nil), nil
}

// ownWriter returns the lineWriter that w stands around, if it does.
func ownWriter(w http.ResponseWriter) *lineWriter {
	for {
		if own, ok := w.(*lineWriter); ok {
			return own
		}
		around, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = around.Unwrap()
	}
}

// end sends the answer, unless the request is held.
func (w *lineWriter) end() {
	if w.held {
		w.line.resume()
		return
	}
	if w.status == 0 {
		w.line.close() // the handler has given up
		return
	}
	last := w.header.Get("Connection") == "close"
	s := getScratch()
	defer s.put()
	s.b = appendHead(s.b, w.status, w.header)
	w.line.mu.Lock()
	w.line.last = w.line.last || last
	w.line.mu.Unlock()
	w.line.answer(s.b, w.body, nil)
}

// appendHead appends the beginning of an answer: all but its length, its date, and whether the
// connection ends.
func appendHead(dst []byte, status int, h http.Header) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, http.StatusText(status)...)
	dst = append(dst, "\r\n"...)
	for name, values := range h {
		if name == "Content-Length" || name == "Connection" || name == "Date" {
			continue
		}
		for _, value := range values {
			dst = append(dst, name...)
			dst = append(dst, ": "...)
			from := len(dst)
			dst = append(dst, value...)
			for i := from; i < len(dst); i++ {
				if dst[i] == '\r' || dst[i] == '\n' { // as net/http does: no value begins another field
					dst[i] = ' '
				}
			}
			dst = append(dst, "\r\n"...)
		}
	}
	return dst
}

// A date is the present second in words of HTTP.
type date struct {
	second int64
	text   string
}

var lastDate atomic.Pointer[date]

func appendDate(dst []byte) []byte {
	now := time.Now()
	d := lastDate.Load()
	if d == nil || d.second != now.Unix() {
		d = &date{now.Unix(), now.UTC().Format(http.TimeFormat)}
		lastDate.Store(d)
	}
	return append(dst, d.text...)
}

// A lineConn is the connection of a line that has ended, for who upgrades it. Nothing is read from
// it: Server.take makes another line of it.
type lineConn struct{ line *httpLine }

var errNotRead = errors.New("what comes over this connection is not read by who asks")

func (c *lineConn) Read([]byte) (int, error) { return 0, errNotRead }

// Write writes an answer, for which an empty connection has room.
func (c *lineConn) Write(p []byte) (int, error) {
	n, err := c.line.line.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

// Close implements [net.Conn].
func (c *lineConn) Close() error {
	c.line.line.Close()
	return nil
}

func (c *lineConn) LocalAddr() net.Addr  { return answerAddr("") }
func (c *lineConn) RemoteAddr() net.Addr { return answerAddr(c.line.remote) }

// Nobody waits, so there are no deadlines.
func (c *lineConn) SetDeadline(time.Time) error      { return nil }
func (c *lineConn) SetReadDeadline(time.Time) error  { return nil }
func (c *lineConn) SetWriteDeadline(time.Time) error { return nil }

// take makes a line for h of a connection that nobody else uses any more.
func (s *Server) take(nc net.Conn, h netpoll.Handler) (netpoll.Conn, error) {
	if own, ok := nc.(*lineConn); ok {
		own.line.line.Hand(h)
		return own.line.line, nil
	}
	return s.poller.Take(plainConn(nc), h)
}
