package transport

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
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
	a, err := s.admit(w, r)
	transport := longPoll
	if err == nil && a.wait == 0 {
		transport = plainPoll
	}
	if err != nil {
		s.release(from)
		s.refuse(w, transport, err)
		return
	}
	p := &poll{wait: a.wait, limit: a.limit, pump: s.nextPump(), pumping: true}
	p.begin(s, transport, from, p)
	p.name, p.placed = a.name, true

	awaitClient(w, r)
	answer, err := p.run(w, r, a)
	switch {
	case answer != nil:
		p.leave(closeNormal)
		s.writeAnswer(w, p, answer)
	case err != nil:
		p.leave(closeNormal)
		if r.Context().Err() == nil { // else nobody is there to be answered
			s.refuse(w, transport, err)
		}
	}
}

// A poll is held by the goroutine of its handler, or in the hands of a line that was taken
// away from net/http (see held.go).
type poll struct {
	session
	wait   time.Duration
	limit  int           // messages
	cursor pubsub.Cursor // how far the client is
	timeUp atomic.Bool
	pump   *pump
	asked  asked // by its request; zero: its session ends with its answer

	mu      sync.Mutex // guards what follows
	bell    doorbell   // of the handler's goroutine; nil: it does not wait
	line    *httpLine  // nil: it is the handler's
	head    []byte     // of the answer, but for the length
	pumping bool       // somebody looks for an answer, as the handler does until the poll is held
	again   bool       // it was woken meanwhile
	kept    bool       // it was answered, and its session waits for the next one (see again.go)
	over    bool       // it was answered, or the client has left
}

// Wake implements [bridge.Consumer].
func (p *poll) Wake() {
	start := false
	p.mu.Lock()
	switch {
	case p.bell != nil:
		p.bell.ring()
	case p.pumping:
		p.again = true
	case p.kept && !p.ready(): // whatever it is, the next request looks at it
	default:
		start = !p.over
		p.pumping = start
	}
	p.mu.Unlock()
	if start {
		p.pump.post(p)
	}
}

// Stopped implements [bridge.Consumer]: what the poll has is good, and its cursor tells what it
// has not.
func (p *poll) Stopped(error) {}

func (p *poll) cut() {
	p.mu.Lock()
	line := p.line
	p.mu.Unlock()
	if line != nil { // else it writes only when it has left
		line.close()
	}
}

// run collects the answer. Without one, and without an error, the line has the poll.
func (p *poll) run(w http.ResponseWriter, r *http.Request, a admission) (*answer, error) {
	if !p.enter() {
		return nil, errDraining
	}
	p.identify(a.identity)
	var err error
	if p.cursor, err = p.join(r.Context(), a.marks); err != nil {
		return nil, err
	}
	p.accept()
	if p.wait > 0 {
		p.beat.Func = func() { p.timeUp.Store(true); p.Wake() }
		p.server.wheel.Schedule(&p.beat, p.wait)
	}
	return p.collect(w, r)
}

// answer returns one that holds nothing yet. The cursor moves with it.
func (p *poll) answer() *answer {
	a := newAnswer(p.limit, p.since())
	a.begin(p.cursor)
	return a
}

// ready reports whether the poll is to be answered whatever the answer holds.
func (p *poll) ready() bool { return p.wait == 0 || p.timeUp.Load() || p.ending.Load() != nil }

// collect pulls until the answer is full, or holds something and nothing is left, or the wait
// is over, unless the poll can be held elsewhere.
func (p *poll) collect(w http.ResponseWriter, r *http.Request) (*answer, error) {
	ctx := r.Context()
	a := p.answer()
	for {
		done, err := p.gather(ctx, a)
		switch {
		case err != nil && ctx.Err() != nil:
			a.release()
			return nil, err
		case err != nil:
			a.more = true
			return a, nil
		case done, !a.empty(), p.ready():
			if p.replyOverLine(w, r, a) {
				return nil, nil
			}
			return a, nil
		}
		if p.hold(w, r) {
			a.release()
			return nil, nil
		}
		if err := p.await(ctx); err != nil {
			a.release()
			return nil, err
		}
	}
}

// await returns when the poll was woken since the last look.
func (p *poll) await(ctx context.Context) error {
	p.mu.Lock()
	woken := p.again
	p.again = false
	if p.bell == nil {
		p.bell = newDoorbell()
	}
	p.mu.Unlock()
	if woken {
		return nil
	}
	select {
	case <-p.bell:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gather adds to the answer what there is, and reports whether that has ended it.
func (p *poll) gather(ctx context.Context, a *answer) (done bool, err error) {
	b := getBatch()
	defer b.put()
	for {
		if a.full() {
			b.items, err = p.client.Pull(ctx, b.items[:0], bridge.Limit{Messages: 1, Bytes: 1})
			a.more = len(b.items) > 0 || err != nil
			return true, nil
		}
		b.items, err = p.client.Pull(ctx, b.items[:0], a.limit())
		for _, it := range b.items {
			if !a.add(it) {
				return true, nil
			}
		}
		switch {
		case err != nil:
			return false, err
		case len(b.items) == 0:
			return false, nil
		}
	}
}

// retry is when the client of a poll should come back.
func (p *poll) retry() time.Duration {
	if e := p.ending.Load(); e != nil {
		return e.retry
	}
	return 0
}

// setAnswerHeader sets what all answers have but for their length.
func setAnswerHeader(h http.Header) {
	h["Content-Type"], h["Cache-Control"] = isJSON, notStored
}

// What stands in the head of many answers, and is never changed in place.
var isJSON, notStored = []string{"application/json"}, []string{"no-store"}

// writeAnswer sends the answer, complete and with its length, so that it passes proxies
// that buffer.
func (s *Server) writeAnswer(w http.ResponseWriter, p *poll, a *answer) {
	defer a.release()
	body := a.end(p.retry())
	h := w.Header()
	setAnswerHeader(h)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	s.lastAnswer(w)
	w.WriteHeader(http.StatusOK)
	p.delivered(a.tally)
	if writeAll(w, body) != nil {
		a.body = nil
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
