package transport

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/internal/wheel"
	"github.com/wsbridge/wsbridge/transport/internal/netpoll"
)

// An httpLine is a connection of HTTP/1.1 over which polls come, one after the other. It was
// taken away from net/http when the first of them had to wait. Each further poll is served by a
// worker, through the same handler as ever; whatever else comes goes back to net/http, with the
// line.
type httpLine struct {
	server *Server
	line   netpoll.Conn
	remote string // as http.Request.RemoteAddr has it

	idle wheel.Entry // ends the line when no request comes, or the client takes no answer

	mu      sync.Mutex // guards what follows
	in      []byte     // what came and is not served
	want    int        // so much of it has to be there before anything can be done
	holds   bool       // input is held back
	serving bool       // a worker serves a request
	poll    *poll      // that is held
	unsent  []byte     // of an answer
	last    bool       // the line ends behind the answer under way
	gone    bool
}

const (
	maxHead  = 64 << 10 // bytes of a request; net/http says what it thinks of more
	keepIdle = 2 * time.Minute
)

// lineFor returns the line of a poll's request, and the head of its answer; nil where it has to
// stay with its handler.
func (s *Server) lineFor(w http.ResponseWriter, r *http.Request) (*httpLine, []byte) {
	if s.handler == nil || r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.Close {
		return nil, nil
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil
	}
	head := answerHead(w.Header())
	if own, ok := nc.(*lineConn); ok {
		return own.httpLine, head
	}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	l := &httpLine{server: s, remote: r.RemoteAddr, in: bytes.Clone(early), serving: true}
	l.idle.Func = l.close
	nc.SetDeadline(time.Time{})
	if l.line, err = s.poller.Take(plainConn(nc), l); err != nil || !s.lines.add(l) {
		l.gone = true
		if l.line != nil {
			l.line.Close()
		}
		return l, head
	}
	if l.line.Start() != nil {
		l.close()
	}
	return l, head
}

// hold takes a poll that waits. It reports false when the client has left.
func (l *httpLine) hold(p *poll) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return false
	}
	l.poll, l.serving = p, false
	return true
}

// Input implements [netpoll.Handler].
func (l *httpLine) Input(p []byte) bool {
	l.mu.Lock()
	l.in = append(l.in, p...)
	flood := len(l.in) > 4*maxHead
	l.holds = l.begin()
	serve := l.holds
	l.mu.Unlock()
	switch {
	case flood && !serve:
		l.close() // more requests than answers
	case serve:
		l.server.workers.do(l.serve)
	}
	return !serve
}

// resume lets input come again.
func (l *httpLine) resume() {
	l.mu.Lock()
	held := l.holds
	l.holds = false
	l.mu.Unlock()
	if held {
		l.line.Resume()
	}
}

// begin reports whether a request is to be served now, which the caller then does. The mutex is
// held.
func (l *httpLine) begin() bool {
	if l.serving || l.poll != nil || l.gone || len(l.unsent) > 0 || len(l.in) == 0 || len(l.in) < l.want {
		return false
	}
	if !bytes.Contains(l.in, headEnd) && len(l.in) <= maxHead && mayBePoll(l.in) {
		return false // more of it is to come
	}
	l.serving = true
	return true
}

var (
	pollStarts = [][]byte{[]byte("GET /v1/poll"), []byte("POST /v1/poll")}
	headEnd    = []byte("\r\n\r\n")
)

// mayBePoll reports whether what begins with in may be a poll.
func mayBePoll(in []byte) bool {
	for _, start := range pollStarts {
		n := min(len(in), len(start))
		if bytes.Equal(in[:n], start[:n]) {
			return true
		}
	}
	return false
}

// serve serves the next request: one that is a plain poll here, any other where it came from.
func (l *httpLine) serve() {
	l.server.wheel.Stop(&l.idle)
	l.mu.Lock()
	in := l.in
	l.mu.Unlock()
	head, rest, ok := bytes.Cut(in, headEnd)
	var r *http.Request
	if ok && mayBePoll(head) && len(head) <= maxHead {
		r = l.parse(head)
	}
	if r == nil {
		l.handBack()
		return
	}
	if missing := int(r.ContentLength) - len(rest); missing > 0 {
		l.await(len(in) + missing)
		return
	}
	body := rest[:r.ContentLength]
	if len(body) > 0 {
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	l.mu.Lock()
	l.want = 0
	if l.in = l.in[len(head)+len(headEnd)+len(body):]; len(l.in) == 0 {
		l.in = nil
	}
	l.last = r.Close
	l.mu.Unlock()
	w := &lineWriter{line: l, header: make(http.Header, 8)}
	l.server.handler.ServeHTTP(w, r)
	w.end()
}

// await waits until so much has come of a request.
func (l *httpLine) await(n int) {
	l.mu.Lock()
	l.want = n
	serve := l.next()
	l.mu.Unlock()
	if serve {
		l.server.workers.do(l.serve)
		return
	}
	l.server.wheel.Schedule(&l.idle, bodyTimeout)
	l.resume()
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// parse returns the request whose head was read, if it is one that can be served here: with no
// more of a body than a poll may have, and without what only net/http knows to do.
func (l *httpLine) parse(head []byte) *http.Request {
	b := readers.Get().(*bufio.Reader)
	defer func() {
		b.Reset(nil)
		readers.Put(b)
	}()
	b.Reset(io.MultiReader(bytes.NewReader(head), bytes.NewReader(headEnd)))
	r, err := http.ReadRequest(b)
	if err != nil || r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.ContentLength < 0 || r.ContentLength > maxRequestBody || len(r.TransferEncoding) > 0 || r.Host == "" ||
		r.Header.Get("Expect") != "" || r.Header.Get("Upgrade") != "" || r.URL.Path != "/v1/poll" {
		return nil
	}
	r.RemoteAddr = l.remote
	r.Body = http.NoBody
	return r.WithContext(l.server.ctx)
}

// handBack gives the line, and what came over it, to net/http.
func (l *httpLine) handBack() {
	l.mu.Lock()
	holds := l.holds
	l.mu.Unlock()
	nc, err := l.line.Release(holds)
	l.mu.Lock()
	in, gone := l.in, l.gone
	l.gone, l.in = true, nil
	l.mu.Unlock()
	l.server.lines.remove(l)
	switch {
	case err != nil: // it was closed meanwhile
	case gone:
		nc.Close()
	default:
		l.server.returned.give(&returnedConn{nc, in})
	}
}

// answer writes an answer of which head is all in front of the length.
func (l *httpLine) answer(head, body []byte) {
	l.mu.Lock()
	l.poll = nil
	l.last = l.last || l.server.Draining()
	if l.gone {
		l.mu.Unlock()
		return
	}
	s := getScratch()
	defer s.put()
	s.b = append(s.b, head...)
	s.b = append(s.b, "Date: "...)
	s.b = time.Now().UTC().AppendFormat(s.b, http.TimeFormat)
	if l.last {
		s.b = append(s.b, "\r\nConnection: close"...)
	}
	s.b = append(s.b, "\r\nContent-Length: "...)
	s.b = strconv.AppendInt(s.b, int64(len(body)), 10)
	s.b = append(s.b, headEnd...)
	s.b = append(s.b, body...)
	l.unsent = s.b
	l.write()
}

// Writable implements [netpoll.Handler].
func (l *httpLine) Writable() {
	l.mu.Lock()
	l.write()
}

// write writes what there is of an answer, and goes on behind it. The mutex is held, and given
// back.
func (l *httpLine) write() {
	if l.gone || len(l.unsent) == 0 {
		l.mu.Unlock()
		return
	}
	n, err := l.line.Write(l.unsent)
	rest := l.unsent[n:]
	l.unsent = nil
	if err == nil && len(rest) > 0 {
		l.unsent = bytes.Clone(rest) // what was given is lent
	}
	last, more := l.last, len(rest) > 0
	serve := !more && !last && err == nil && l.next()
	l.mu.Unlock()
	wait := keepIdle
	switch {
	case err != nil:
		l.close()
		return
	case more:
		wait = writeTimeout
	case last:
		l.line.Shutdown()
		wait = lingerTimeout
	}
	if serve {
		l.server.workers.do(l.serve)
		return
	}
	l.server.wheel.Schedule(&l.idle, wait)
	if l.isGone() {
		l.server.wheel.Stop(&l.idle)
	}
	if !more {
		l.resume()
	}
}

// next ends serving, and reports whether the next request is there already. The mutex is held.
func (l *httpLine) next() bool {
	l.serving = false
	return l.begin()
}

func (l *httpLine) isGone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gone
}

// Gone implements [netpoll.Handler].
func (l *httpLine) Gone(error) { l.close() }

// close ends the line at once, and with it the poll that it holds.
func (l *httpLine) close() {
	l.mu.Lock()
	was, p := l.gone, l.poll
	l.gone, l.poll, l.in, l.unsent = true, nil, nil, nil
	l.mu.Unlock()
	if was {
		return
	}
	l.line.Close()
	l.server.wheel.Stop(&l.idle)
	l.server.lines.remove(l)
	if p != nil {
		p.quit()
	}
}
