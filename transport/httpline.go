package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/internal/wheel"
	"github.com/wsbridge/wsbridge/transport/internal/netpoll"
)

// An httpLine is a connection of HTTP/1.1 over which short requests come, one after the other. It
// came from the front, or was taken away from net/http when a poll had to wait. Each request is
// served by a worker, through the handler of all requests; whatever is not short goes to net/http,
// with the line.
type httpLine struct {
	server *Server
	line   netpoll.Conn
	remote string // as http.Request.RemoteAddr has it
	neighbours

	idle wheel.Entry // ends the line when no request comes, or the client takes no answer

	mu      sync.Mutex // guards what follows
	in      []byte     // what came and is not served
	looked  int        // so much of it has no end of a head
	want    int        // so much of it has to be there before anything can be done; 0: a head
	heading bool       // something of a request has come, and has its time
	holds   bool       // input is held back
	serving bool       // a worker serves a request
	leaving bool       // somebody else is about to get the connection
	poll    *poll      // that is held
	kept    *poll      // that was answered, and whose session waits for the next one
	unsent  []byte     // of an answer
	last    bool       // the line ends behind the answer under way
	ended   bool       // the last answer has left, and the client is to close its side
	eof     bool       // no more comes, and what came is still to be answered
	gone    bool
}

const (
	maxHead      = 64 << 10                 // bytes of a request; net/http says what it thinks of more
	maxAhead     = maxHead + maxRequestBody // bytes that may come ahead of their turn
	headTimeout  = 10 * time.Second         // for the head of a request
	bodyPatience = time.Second              // for the body, which net/http waits for longer
	keepIdle     = 2 * time.Minute
	takenInTime  = 64 << 10 // bytes of an answer, in each writeTimeout
)

// lineFor returns the line of a poll's request, and the head of its answer; nil where it has to
// stay with its handler. So has one whose body nobody has read: what is left of it would be taken
// for the next request.
func (s *Server) lineFor(w http.ResponseWriter, r *http.Request) (*httpLine, []byte) {
	if s.front == nil || r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.Close {
		return nil, nil
	}
	if own := ownWriter(w); own != nil {
		own.held = true
		return own.line, answerHead(w.Header())
	}
	if r.Method != http.MethodPost && r.ContentLength != 0 {
		return nil, nil
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil
	}
	head := answerHead(w.Header())
	early, _ := rw.Reader.Peek(rw.Reader.Buffered())
	l := &httpLine{server: s, remote: r.RemoteAddr, in: bytes.Clone(early), serving: true}
	l.idle.Func = l.timeUp
	nc.SetDeadline(time.Time{})
	if l.line, err = s.take(nc, l); err != nil || !s.lines.add(l) {
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

// hold takes a poll, which answers when it likes. It reports false when the client has left.
func (l *httpLine) hold(p *poll) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.gone || l.eof
	if !left {
		l.poll, l.serving = p, false
	}
	return !left
}

// Input implements [netpoll.Handler]. What comes while a request is served waits for its turn, as
// far as there is room for it. What comes behind the last answer is not obeyed (RFC 9112, section 9.6).
func (l *httpLine) Input(p []byte) bool {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return true
	}
	l.in = append(l.in, p...)
	serve := l.begin()
	flood := l.poll != nil && len(l.in) > maxAhead // who waits for an answer sends no more than that
	l.holds = !serve && (len(l.in) > maxAhead || l.leaving)
	holds := l.holds
	if len(l.in) > 0 && !serve && !holds && l.poll == nil && !l.serving && !l.heading && !l.gone {
		// From its first byte on, a head has not as long as a line that is idle.
		l.heading = true
		l.server.wheel.Schedule(&l.idle, headTimeout)
	}
	l.mu.Unlock()
	switch {
	case flood:
		l.close()
	case serve:
		l.server.workers.do(l.serve)
	}
	return !holds
}

func (l *httpLine) isHeld() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.holds
}

// resume lets input come again.
func (l *httpLine) resume() {
	l.mu.Lock()
	held := l.holds && len(l.in) <= maxAhead
	l.holds = l.holds && !held
	l.mu.Unlock()
	if held {
		l.line.Resume()
	}
}

// begin reports whether a request is to be served now, which the caller then does. The mutex is
// held.
func (l *httpLine) begin() bool {
	if l.serving || l.poll != nil || l.gone || len(l.unsent) > 0 {
		return false
	}
	if l.want == 0 && l.looked == 0 {
		l.skipEmptyLines()
	}
	if len(l.in) == 0 || len(l.in) < l.want {
		return false
	}
	if l.want == 0 && len(l.in) <= maxHead && 'A' <= l.in[0] && l.in[0] <= 'Z' {
		from := max(0, l.looked-len(headEnd)+1)
		if l.looked = len(l.in); !endsHead(l.in[from:]) {
			return false // more of it is to come
		}
	}
	l.serving, l.heading, l.looked = true, false, 0
	return true
}

// skipEmptyLines takes away empty lines in front of a request, which some clients send behind a body
// (RFC 9112, section 2.2).
func (l *httpLine) skipEmptyLines() {
	if l.in = bytes.TrimLeft(l.in, "\r\n"); len(l.in) == 0 {
		l.in = nil
	}
}

var headEnd = []byte("\r\n\r\n")

// endsHead reports whether there is an empty line. Lines that end in LF alone are net/http's, but
// have to get there.
func endsHead(b []byte) bool {
	return bytes.Contains(b, headEnd[1:]) || bytes.Contains(b, []byte("\n\n"))
}

// serve serves the next request: one that is short here, any other where it came from.
func (l *httpLine) serve() {
	l.server.wheel.Stop(&l.idle)
	l.mu.Lock()
	in := l.in
	l.mu.Unlock()
	head, rest, ok := bytes.Cut(in, headEnd)
	if ok && l.again(head, rest) {
		return
	}
	front := l.server.front
	x := front.exchanges.Get().(*exchange)
	defer front.recycle(x)
	var r *http.Request
	if ok && len(head) <= maxHead {
		r = x.parse(head)
	}
	if r == nil || r.ContentLength > maxRequestBody || !front.isShort(r) {
		l.handBack()
		return
	}
	if missing := int(r.ContentLength) - len(rest); missing > 0 {
		l.await(len(in) + missing)
		return
	}
	body := rest[:r.ContentLength]
	x.take(l, head, body)
	l.forget()
	l.mu.Lock()
	gone := l.gone
	l.want = 0
	l.consume(len(head) + len(headEnd) + len(body))
	l.last = l.last || r.Close
	l.mu.Unlock()
	switch {
	case gone:
	case front.handle(&x.writer, r):
		x.writer.end()
	default:
		l.close()
	}
}

// consume takes away what is served. The mutex is held.
func (l *httpLine) consume(n int) {
	if len(l.in) > n {
		l.in = l.in[n:]
	} else {
		l.in = nil // of a line that has ended, it is already
	}
}

// handle reports false when the connection is to be cut: the handler has panicked. As with net/http,
// that ends nothing else, and is logged unless it is [http.ErrAbortHandler]. What the panic says is
// not logged: it may quote what a client sent.
func (f *front) handle(w http.ResponseWriter, r *http.Request) (whole bool) {
	defer func() {
		if reason := recover(); reason != nil && reason != http.ErrAbortHandler {
			f.server.options.Logger.Error("a handler panicked", "stack", string(debug.Stack()))
		}
	}()
	f.handler.ServeHTTP(w, r)
	return true
}

// await waits until so much has come of a request.
func (l *httpLine) await(n int) {
	l.mu.Lock()
	l.want = n
	serve := l.next()
	l.heading = !serve
	eof := l.eof
	if !serve && !eof && !l.gone {
		l.server.wheel.Schedule(&l.idle, bodyPatience) // before the rest may come, and be served
	}
	l.mu.Unlock()
	switch {
	case serve:
		l.server.workers.do(l.serve)
	case eof:
		l.close()
	default:
		l.resume()
	}
}

// timeUp ends a line that has been idle for too long, on the wheel's goroutine. A request of
// which something is missing goes to net/http, which knows how long each part of it may take.
func (l *httpLine) timeUp() {
	l.mu.Lock()
	busy := (l.serving || l.poll != nil) && len(l.unsent) == 0 && !l.ended // a request came meanwhile
	waits := l.want > 0 && !l.serving && !l.gone
	l.serving = l.serving || waits
	l.mu.Unlock()
	switch {
	case waits:
		l.server.workers.do(l.handBack)
	case !busy:
		l.close()
	}
}

// handBack gives the line, and what came over it, to net/http.
func (l *httpLine) handBack() {
	in, err := l.detach()
	if err != nil {
		return
	}
	nc, rest, err := l.line.Release()
	if err != nil {
		l.line.Close()
		return
	}
	l.server.front.give(&returnedConn{nc, append(in, rest...)})
}

// detach ends the line but for its connection, whose input is held back then, and returns what
// has come over it. The error says that it has ended already. The caller serves a request.
func (l *httpLine) detach() (in []byte, err error) {
	l.mu.Lock()
	l.leaving = true // what comes from here on makes Input hold it back
	gone := l.gone
	l.mu.Unlock()
	if gone {
		return nil, net.ErrClosed
	}
	if err := l.line.Hold(l.isHeld); err != nil {
		return nil, err
	}
	l.mu.Lock()
	in, gone = l.in, l.gone
	l.gone, l.in, l.holds = true, nil, false
	l.mu.Unlock()
	if gone {
		return nil, net.ErrClosed
	}
	l.forget()
	l.server.wheel.Stop(&l.idle)
	l.server.lines.remove(l)
	return in, nil
}

// answer writes an answer of which head is all in front of the length. What is kept, if anything,
// is the session of the poll that is answered.
func (l *httpLine) answer(head, body []byte, kept *poll) {
	l.mu.Lock()
	l.poll = nil
	l.last = l.last || l.server.Draining()
	if l.gone {
		l.mu.Unlock()
		if kept != nil {
			kept.quit()
		}
		return
	}
	l.kept = kept
	s := getScratch()
	defer s.put()
	s.b = append(s.b, head...)
	s.b = append(s.b, "Date: "...)
	s.b = appendDate(s.b)
	if l.last {
		s.b = append(s.b, "\r\nConnection: close"...)
	}
	s.b = append(s.b, "\r\nContent-Length: "...)
	s.b = strconv.AppendInt(s.b, int64(len(body)), 10)
	s.b = append(s.b, headEnd...)
	s.b = append(s.b, body...)
	l.unsent = s.b
	l.write(true)
}

// Writable implements [netpoll.Handler].
func (l *httpLine) Writable() {
	l.mu.Lock()
	l.write(false)
}

// write writes what there is of an answer, which is lent at first, and goes on behind it. The
// mutex is held, and given back.
func (l *httpLine) write(lent bool) {
	if l.gone || len(l.unsent) == 0 {
		l.mu.Unlock()
		return
	}
	before := len(l.unsent)
	n, err := l.line.Write(l.unsent)
	rest := l.unsent[n:]
	switch {
	case err != nil || len(rest) == 0:
		l.unsent = nil
	case lent:
		l.unsent = bytes.Clone(rest)
	default:
		l.unsent = rest
	}
	last, more := l.last, len(rest) > 0
	serve := !more && !last && err == nil && l.next()
	last = last || l.eof && !serve
	l.ended = last && !more
	l.mu.Unlock()
	wait := keepIdle
	switch {
	case err != nil:
		l.close()
		return
	case more:
		if !lent && before/takenInTime == len(rest)/takenInTime {
			return // it has no more time for the next few bytes
		}
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

// retire ends a line behind the request under way, or at once.
func (l *httpLine) retire() {
	l.mu.Lock()
	l.last = true
	idle := !l.serving && l.poll == nil && len(l.unsent) == 0 && len(l.in) == 0
	l.mu.Unlock()
	if idle {
		l.close()
	}
}

// Gone implements [netpoll.Handler]. A client may end its side behind its last request, and is
// answered.
func (l *httpLine) Gone(err error) {
	l.mu.Lock()
	answered := l.serving && !l.gone && !l.ended && errors.Is(err, io.EOF)
	l.eof = answered
	l.mu.Unlock()
	if !answered {
		l.close()
	}
}

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
	l.forget()
}
