package transport

import (
	"bytes"
	"net/http"

	"github.com/wsbridge/wsbridge/bridge"
)

// This file holds polls that wait: one that waits is a struct in the hands of its line, and the
// goroutine of its handler is gone. Lines that the system's poller cannot watch, and HTTP/2,
// leave it with its handler.

// hold puts a poll for which there is nothing yet into the hands of its line. It reports false
// when there is no line that could be taken away from net/http.
func (p *poll) hold(w http.ResponseWriter, r *http.Request) bool {
	line, head := p.server.lineFor(w, r)
	if line == nil {
		return false
	}
	p.asked = p.keeps(w, r)
	p.tie(line, head)
	if !line.hold(p) {
		line.close()
		p.quit() // the client has left
		return true
	}
	p.rested()
	return true
}

// replyOverLine answers a poll at once so that its session can be kept. It reports false where
// that cannot be.
func (p *poll) replyOverLine(w http.ResponseWriter, r *http.Request, a *answer) bool {
	p.asked = p.keeps(w, r)
	if p.asked == (asked{}) {
		return false
	}
	own := ownWriter(w)
	p.tie(own.line, answerHead(w.Header()))
	if !own.line.hold(p) {
		p.tie(nil, nil) // a client that has ended its side is answered all the same
		return false
	}
	own.held = true
	p.reply(a)
	return true
}

func (p *poll) tie(line *httpLine, head []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line, p.head = line, head
}

// turn looks once for an answer, on the goroutine of the pump.
func (p *poll) turn(b *batch) {
	if p.waitsForNext() {
		return
	}
	a := p.answer()
	items, rest, err := p.client.Take(b.items[:0], a.limit())
	b.items = items
	whole := true
	for _, it := range items {
		if whole = a.add(it); !whole {
			break
		}
	}
	switch {
	case err != nil:
		a.more = true
	case !whole:
	case rest != bridge.Nothing:
		p.server.workers.do(func() { p.finishAnswer(a) })
		return
	case a.empty() && !p.ready():
		a.release()
		p.rested()
		return
	}
	p.reply(a)
}

// finishAnswer is for what does not come out of the queue at once, on a goroutine that may wait
// for logs.
func (p *poll) finishAnswer(a *answer) {
	if _, err := p.gather(p.server.ctx, a); err != nil {
		a.more = true
	} else if a.empty() && !p.ready() {
		a.release()
		p.rested()
		return
	}
	p.reply(a)
}

// rested lets Wake have the poll looked after again.
func (p *poll) rested() {
	p.mu.Lock()
	post := p.again && !p.over
	p.pumping, p.again = post, false
	p.mu.Unlock()
	if post {
		p.pump.post(p)
	}
}

// reply answers the poll, and keeps its session if it can.
func (p *poll) reply(a *answer) {
	defer a.release()
	body := a.end(p.retry())
	p.cursor = a.cursor
	if !a.more && p.keep() { // else something may have been taken that is not in the answer
		p.delivered(a.tally)
		p.line.answer(p.head, body, p)
		return
	}
	if !p.finish() {
		return
	}
	p.leave(closeNormal)
	p.delivered(a.tally)
	p.line.answer(p.head, body, nil)
}

// quit ends a poll whose client has left.
func (p *poll) quit() {
	if p.finish() {
		p.leave(closeNormal)
	}
}

// finish reports whether the poll was not over yet.
func (p *poll) finish() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.over
	p.over = true
	return !was
}

// answerHead returns what stands in front of the length of an answer.
func answerHead(h http.Header) []byte {
	setAnswerHeader(h)
	s := getScratch()
	defer s.put()
	s.b = appendHead(s.b, http.StatusOK, h)
	return bytes.Clone(s.b)
}
