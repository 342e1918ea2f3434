package transport

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/wsbridge/wsbridge/internal/requestid"
)

// This file lets a poll go on when its client asks again: the session of a poll that was held
// stays with its line for a moment, and the next request takes it up if it asks for the same, from
// where the answer ended. It then costs neither handlers nor a subscription. Whatever asks
// anything else ends the session, and is served as the first one was.

// keepPoll is how long a session waits for the next poll.
const keepPoll = 2 * time.Second

// An asked tells requests for polls apart, but for their cursors.
type asked struct {
	sum  [16]byte // of a SHA-256 over the request without its cursor
	post bool
	body int // bytes
}

// dissect returns a request for a poll without its cursor, in two parts, and the cursor: as it
// stands in the query of a GET, or in the JSON of a POST, of which it leaves the head out. It
// reports false where that takes more than a look, such as when a name is written with escapes.
func dissect(head, body []byte) (before, cursor, after []byte, ok bool) {
	line, _, _ := bytes.Cut(head, lineEnd)
	if bytes.HasPrefix(line, post) {
		from, to := member(body)
		return body[:from], body[from:to], body[to:], from < to && !bytes.Contains(line, cursorName)
	}
	at := bytes.Index(line, cursorName)
	if at < 0 || at == len(line) || !bytes.HasPrefix(line, get) || bytes.Count(line[:at], question) != 1 ||
		line[at-1] != '?' && line[at-1] != '&' || bytes.Contains(line, escapedLetter1) || bytes.Contains(line, escapedLetter2) {
		return nil, nil, nil, false
	}
	from := at + len(cursorName) + len("=")
	if from > len(line) || line[from-1] != '=' || bytes.Contains(line[from:], cursorName) {
		return nil, nil, nil, false
	}
	n := bytes.IndexAny(line[from:], "& ")
	if n <= 0 {
		return nil, nil, nil, false
	}
	return head[:from], head[from : from+n], head[from+n:], true
}

var (
	get, post      = []byte("GET "), []byte("POST ")
	lineEnd        = []byte("\r\n")
	question       = []byte("?")
	cursorName     = []byte("cursor")
	escapedLetter1 = []byte("%6")
	escapedLetter2 = []byte("%7")
)

// member returns where in an object of JSON the value of its cursor stands; from is to if that
// takes more than a look. With no escape in it and no object in front, what is between quotes in
// front of a colon is the name of a member.
func member(text []byte) (from, to int) {
	at := bytes.Index(text, quotedName)
	if at < 0 || bytes.Count(text[:at], []byte("{")) != 1 || bytes.Contains(text[at+1:], quotedName) || bytes.IndexByte(text, '\\') >= 0 {
		return 0, 0
	}
	from = at + len(quotedName)
	for _, c := range []byte(`:"`) {
		for from < len(text) && bytes.IndexByte([]byte(" \t\r\n"), text[from]) >= 0 {
			from++
		}
		if from == len(text) || text[from] != c {
			return 0, 0
		}
		from++
	}
	n := bytes.IndexByte(text[from:], '"')
	if n < 0 {
		return 0, 0
	}
	return from, from + n
}

var quotedName = []byte(`"cursor"`)

// askedOf returns what a request asked for; zero where the next one cannot go on with its session.
func askedOf(head, body []byte) asked {
	before, _, after, ok := dissect(head, body)
	if !ok || head[0] != 'P' && len(body) > 0 {
		return asked{}
	}
	return sumUp(head, before, after, len(body))
}

func sumUp(head, before, after []byte, body int) asked {
	a := asked{post: head[0] == 'P', body: body}
	if !a.post {
		head = nil // it is what stands before and after
	}
	s := getScratch()
	defer s.put()
	for _, part := range [...][]byte{head, before, after} {
		s.b = binary.AppendUvarint(s.b, uint64(len(part)))
		s.b = append(s.b, part...)
	}
	sum := sha256.Sum256(s.b)
	copy(a.sum[:], sum[:])
	return a
}

// keeps reports whether the session of a poll may outlive its answer, and prepares for that.
// Requests that bring names of their own, or that are logged one by one, are not the same twice.
func (p *poll) keeps(w http.ResponseWriter, r *http.Request) asked {
	own := ownWriter(w)
	if own == nil || p.wait == 0 || r.Close || r.Header[requestid.Header] != nil || r.Header["Last-Event-Id"] != nil ||
		p.server.options.Logger.Enabled(r.Context(), slog.LevelDebug) {
		return asked{}
	}
	if id := own.header.Get(requestid.Header); id != "" && len(id) != requestid.Len {
		return asked{} // somebody else made it
	}
	return askedOf(own.requestHead, own.requestBody)
}

// keep makes a poll whose answer is about to leave one that is kept, if its session can go on.
func (p *poll) keep() bool {
	if p.asked == (asked{}) {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timeUp.Store(false)
	if p.over || p.ready() {
		return false
	}
	p.kept, p.pumping, p.again = true, false, false
	p.server.wheel.Schedule(&p.beat, keepPoll)
	return true
}

// waitsForNext reports whether there is no poll to be answered, and ends the session if none has
// come for long enough.
func (p *poll) waitsForNext() bool {
	p.mu.Lock()
	kept, end := p.kept, p.kept && p.ready() && !p.over
	if end {
		p.over = true
	}
	p.mu.Unlock()
	switch {
	case end:
		p.line.release(p)
		p.leave(closeNormal)
	case kept:
		p.rested()
	}
	return kept
}

// goesOn reports whether a request, as far as it has come, is the next one of a kept poll.
func (p *poll) goesOn(head, rest []byte) bool {
	if len(rest) < p.asked.body {
		return false
	}
	body := rest[:p.asked.body]
	before, cursor, after, ok := dissect(head, body)
	return ok && sumUp(head, before, after, len(body)) == p.asked && p.standsAt(cursor)
}

// standsAt reports whether a cursor, as a request has it, is where the last answer ended.
func (p *poll) standsAt(cursor []byte) bool {
	s := getScratch()
	defer s.put()
	s.b = p.cursor.AppendTo(s.b)
	if bytes.Equal(s.b, cursor) {
		return true
	}
	plain, err := url.QueryUnescape(string(cursor))
	return err == nil && !p.asked.post && plain == string(s.b)
}

// again serves the next request of the client whose poll was kept, if this is it. It reports
// false if it is another one, or not there whole, or the last one: who has ended its side is answered
// at once.
func (l *httpLine) again(head, rest []byte) bool {
	l.mu.Lock()
	p, eof := l.kept, l.eof
	l.mu.Unlock()
	if p == nil || eof || !p.goesOn(head, rest) || !p.resume() {
		return false
	}
	if p.server.requestWait(p.from) > 0 {
		p.quit() // so that it is refused as any other
		return false
	}
	l.mu.Lock()
	l.consume(len(head) + len(headEnd) + p.asked.body)
	l.kept, l.want = nil, 0
	l.mu.Unlock()
	if !l.hold(p) {
		l.close()
		p.quit()
		return true
	}
	method := http.MethodGet
	if p.asked.post {
		method = http.MethodPost
	}
	p.server.options.Observer.Repeated(method)
	p.pump.post(p)
	return true
}

// resume makes a kept poll one that waits, whom the caller has to post. It reports false when the
// session has ended.
func (p *poll) resume() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over || p.pumping { // which is how it ends
		return false
	}
	p.kept, p.pumping = false, true
	p.timeUp.Store(false)
	p.opened = p.server.clock()
	if i := bytes.Index(p.head, requestIDField); i >= 0 {
		requestid.Put(p.head[i+len(requestIDField):])
	}
	p.server.wheel.Schedule(&p.beat, p.wait)
	return true
}

var requestIDField = []byte("\r\n" + requestid.Header + ": ")

// release forgets a session that has ended.
func (l *httpLine) release(p *poll) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == p {
		l.kept = nil
	}
}

// forget ends a session that was kept, for which no request has come that goes on with it.
func (l *httpLine) forget() {
	l.mu.Lock()
	p := l.kept
	l.kept = nil
	l.mu.Unlock()
	if p != nil {
		p.quit()
	}
}
