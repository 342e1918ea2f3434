package transport

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
)

// A poll that is held until there is something is another transport, to an operator, than
// one that is answered at once.
const (
	longPoll  = "long-poll"
	plainPoll = "poll"
)

// Poll serves /v1/poll: it answers what stands behind the client's cursor, or waits for it.
func (s *Server) Poll(w http.ResponseWriter, r *http.Request) {
	from := s.ClientIP(r)
	if err := s.claim(longPoll, from); err != nil {
		s.refuse(w, longPoll, err)
		return
	}
	defer s.release(from)
	a, err := s.admit(w, r)
	transport := longPoll
	if err == nil && a.wait == 0 {
		transport = plainPoll
	}
	if err != nil {
		s.refuse(w, transport, err)
		return
	}
	p := &poll{wait: a.wait, bell: newDoorbell()}
	p.begin(s, transport, from, p)
	p.name = a.name
	p.answer = newAnswer(a.limit, p.opened)
	defer p.answer.release()

	awaitClient(w, r)
	err = p.run(r.Context(), a)
	p.leave(closeNormal)
	switch {
	case err != nil && r.Context().Err() != nil: // nobody is there to be answered
	case err != nil:
		s.refuse(w, transport, err)
	default:
		s.writeAnswer(w, p)
	}
}

// A poll is held by its handler's goroutine.
type poll struct {
	session
	wait   time.Duration
	bell   doorbell
	timeUp atomic.Bool
	answer *answer
}

// Wake and Stopped implement [bridge.Consumer].
func (p *poll) Wake()         { p.bell.ring() }
func (p *poll) Stopped(error) {}

func (p *poll) cut() {} // it writes only when it has left

// run collects the answer.
func (p *poll) run(ctx context.Context, a admission) error {
	s := p.server
	if !p.enter() {
		return errDraining
	}
	p.identify(a.identity)
	cursor, err := p.join(ctx, a.marks)
	if err != nil {
		return err
	}
	p.accept()
	p.answer.begin(cursor)
	if p.wait > 0 {
		p.beat.Func = func() { p.timeUp.Store(true); p.bell.ring() }
		s.wheel.Schedule(&p.beat, p.wait)
	}
	return p.collect(ctx)
}

// collect pulls until the answer is full, or holds something and nothing is left, or the
// wait is over.
func (p *poll) collect(ctx context.Context) error {
	for {
		done, err := p.gather(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			// It was stopped: what it has is good, and its cursor tells what it has not.
			p.answer.more = true
			return nil
		case done, !p.answer.empty(), p.wait == 0, p.timeUp.Load(), p.ending.Load() != nil:
			return nil
		}
		select {
		case <-p.bell:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gather adds to the answer what there is, and reports whether that has ended it.
func (p *poll) gather(ctx context.Context) (done bool, err error) {
	b := getBatch()
	defer b.put()
	for {
		b.items, err = p.client.Pull(ctx, b.items[:0], p.answer.limit())
		for _, it := range b.items {
			if !p.answer.add(it) {
				return true, nil
			}
		}
		switch {
		case err != nil:
			return false, err
		case len(b.items) == 0:
			return false, nil
		case p.answer.full():
			b.items, err = p.client.Pull(ctx, b.items[:0], bridge.Limit{Messages: 1, Bytes: 1})
			p.answer.more = len(b.items) > 0 || err != nil
			return true, nil
		}
	}
}

// writeAnswer sends the answer, complete and with its length, so that it passes proxies
// that buffer.
func (s *Server) writeAnswer(w http.ResponseWriter, p *poll) {
	var retry time.Duration
	if e := p.ending.Load(); e != nil {
		retry = e.retry
	}
	body := p.answer.end(retry)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	s.lastAnswer(w)
	w.WriteHeader(http.StatusOK)
	p.delivered(p.answer.tally)
	if writeAll(w, body) != nil {
		p.answer.body = nil
	}
}

// writeAll writes b, which is not empty, as a whole answer. Each piece has writeTimeout, so
// that the time in all grows with the size; whoever does not take one is cut off. After an
// error b is not to be used again: HTTP/2 gives up a stream while its frame is being written.
func writeAll(w http.ResponseWriter, b []byte) error {
	control := http.NewResponseController(w)
	for len(b) > 0 {
		n := min(len(b), batchBytes)
		// An error says that the connection knows no deadlines.
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := w.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	if err := control.Flush(); err != nil {
		return err
	}
	// One that stays behind would meet the next request on the connection.
	_ = control.SetWriteDeadline(time.Time{})
	return nil
}
