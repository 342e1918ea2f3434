package relay

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// credit is how far a mirror lets its origin send ahead; it renews it at half.
	credit = 1 << 20

	// askEvery is how often a mirror speaks to its origin at least. After as long a silence it
	// asks again for what it waits for.
	askEvery = time.Second

	// askAgainAfter is how long a mirror waits at least between two complaints about a hole:
	// what was under way arrives behind each one.
	askAgainAfter = 200 * time.Millisecond

	// giveUpAfter is how long an origin may be silent.
	giveUpAfter = 10 * time.Second
)

// A mirror holds a part of a stream that is sent elsewhere, for the consumers here. Its
// goroutine asks for the stream and ends when nobody consumes it any more.
type mirror struct {
	stream *stream
	nonce  uint64 // tells the origin one mirror from another
	origin string // owned by its goroutine
	bell   chan struct{}

	answered chan struct{} // closed when the origin was heard, or is known not to answer
	answer   sync.Once

	// Guarded by the stream's mutex.
	until    int64     // what the origin may send ends here
	again    bool      // something was lost
	complain time.Time // when that was said last
	heard    time.Time // when the origin last spoke
	arrived  time.Time // when something last came
	cuts     uint64    // consumers that were too slow
}

// mirror begins a mirror, with its first consumer. The relay's mutex is held.
func (r *Relay) mirror(id uuid.UUID, from int64, wake func(cut bool)) (*Consumer, error) {
	if !r.reserve(r.options.Window) {
		return nil, ErrFull
	}
	now := time.Now()
	m := &mirror{
		nonce: rand.Uint64(), bell: make(chan struct{}, 1), answered: make(chan struct{}),
		until: from, heard: now, arrived: now,
	}
	m.stream = newStream(r, Info{ID: id, Size: -1}, r.options.Window, from)
	m.stream.mirror = m
	c, err := m.stream.join(from, wake, nil)
	if err != nil {
		return nil, err
	}
	r.mirrors[id] = append(r.mirrors[id], m)
	r.byNonce[m.nonce] = m
	r.goroutines.Add(1)
	go m.run(r)
	return c, nil
}

// run follows the origin until nobody consumes the mirror any more.
func (m *mirror) run(r *Relay) {
	defer r.goroutines.Done()
	if m.find(r) {
		m.follow(r)
		m.bye(r)
	}
	for !m.leave(r) {
		select {
		case <-m.bell:
		case <-r.ctx.Done():
			m.fail(CutError{Reason: Unavailable})
			r.cutAll()
		}
	}
}

// find learns who the origin is.
func (m *mirror) find(r *Relay) bool {
	deadline := time.Now().Add(giveUpAfter)
	for {
		ctx, cancel := context.WithTimeout(r.ctx, exchangeTimeout)
		rec, err := r.look(ctx, m.stream.info.ID)
		cancel()
		switch {
		case err == nil:
			m.origin = rec.Origin
			return true
		case errors.Is(err, ErrUnknown):
			m.fail(CutError{Reason: Gone})
			return false
		case r.ctx.Err() != nil || time.Now().After(deadline):
			m.fail(CutError{Reason: Unavailable})
			return false
		}
		select {
		case <-time.After(askEvery):
		case <-r.ctx.Done():
		}
	}
}

// follow asks for the stream until it has ended, or nobody wants it.
func (m *mirror) follow(r *Relay) {
	beat := time.NewTimer(askEvery)
	defer beat.Stop()
	for {
		d, over := m.next(r)
		if over {
			return
		}
		m.say(r, &d)
		beat.Reset(askEvery)
		for rung := false; !rung; {
			select {
			case <-m.bell:
				rung = m.wants()
			case <-beat.C:
				rung = true
			case <-r.ctx.Done():
				rung = true
			}
		}
	}
}

// next returns what to say to the origin. At the end that is that it may forget the mirror.
func (m *mirror) next(r *Relay) (d datagram, over bool) {
	s := m.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	switch {
	case r.ctx.Err() != nil, len(s.consumers) == 0, s.state != Running:
		return d, true
	case now.Sub(m.heard) >= giveUpAfter:
		s.finish(Broken, CutError{Reason: Unavailable})
		m.open()
		return d, true
	}
	m.until = max(m.until, m.grant())
	if now.Sub(m.arrived) >= askEvery {
		m.again = true
	}
	d = datagram{
		kind: kindWant, id: s.info.ID, nonce: m.nonce,
		from: uint64(s.window.end), until: uint64(m.until), cuts: m.cuts, again: m.again,
		rest: []byte(r.options.Exchange.Instance()),
	}
	if m.again {
		m.again, m.complain = false, now
	}
	m.block(now)
	return d, false
}

// grant returns up to where there is room. The stream's mutex is held.
func (m *mirror) grant() int64 {
	return m.stream.window.end + min(credit, max(0, m.stream.room()))
}

// moved looks whether the origin has to be told something. The stream's mutex is held.
func (m *mirror) moved() {
	m.block(time.Now())
	if m.due() || len(m.stream.consumers) == 0 || m.stream.state != Running {
		m.ring()
	}
}

// block notes whether the mirror waits for consumers. The stream's mutex is held.
func (m *mirror) block(now time.Time) {
	s := m.stream
	s.account(now)
	s.pace.waiting = 0
	if s.state == Running && m.until <= s.window.end && m.grant() <= s.window.end {
		s.pace.waiting = 1
		s.watch()
	}
}

// due reports whether the origin should hear before the time: half the credit is used, or
// something was lost.
func (m *mirror) due() bool {
	if m.again {
		return true
	}
	grant := m.grant()
	return grant-m.until >= credit/2 || m.until <= m.stream.window.end && grant > m.until
}

func (m *mirror) wants() bool {
	s := m.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	return m.due() || len(s.consumers) == 0 || s.state != Running
}

func (m *mirror) ring() {
	select {
	case m.bell <- struct{}{}:
	default:
	}
}

func (m *mirror) open() { m.answer.Do(func() { close(m.answered) }) }

func (m *mirror) fail(cut CutError) {
	m.stream.mu.Lock()
	m.stream.finish(Broken, cut)
	m.stream.mu.Unlock()
	m.open()
}

// say sends a datagram; one that is lost is sent again by the next beat.
func (m *mirror) say(r *Relay, d *datagram) {
	ctx, cancel := context.WithTimeout(r.ctx, exchangeTimeout)
	defer cancel()
	_ = r.options.Exchange.Send(ctx, m.origin, d.appendTo(nil))
}

// leave ends the mirror if nobody consumes it.
func (m *mirror) leave(r *Relay) bool {
	r.mu.Lock()
	s := m.stream
	s.mu.Lock()
	used := len(s.consumers) > 0
	s.mu.Unlock()
	if used {
		r.mu.Unlock()
		return false
	}
	id := s.info.ID
	delete(r.byNonce, m.nonce)
	rest := r.mirrors[id][:0:0]
	for _, other := range r.mirrors[id] {
		if other != m {
			rest = append(rest, other)
		}
	}
	if len(rest) == 0 {
		delete(r.mirrors, id)
	} else {
		r.mirrors[id] = rest
	}
	r.reserved -= s.release()
	r.mu.Unlock()
	m.open()
	return true
}

// bye tells the origin that it need not keep anything for the mirror.
func (m *mirror) bye(r *Relay) {
	m.say(r, &datagram{kind: kindLeave, id: m.stream.info.ID, nonce: m.nonce})
}

// hear takes what the origin says.
func (m *mirror) hear(d *datagram) {
	s := m.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != Running || len(s.window.ring) == 0 {
		return
	}
	now := time.Now()
	m.heard = now
	offset := int64(d.from)
	switch d.kind {
	case kindPiece:
		m.take(offset, d.rest, now)
	case kindEnd:
		reason := Reason(d.rest)
		if reason == TooSlow && s.pace.waiting == 0 {
			reason = Unavailable // not for its consumers: the origin has not heard the mirror
		}
		switch {
		case d.state == Broken && reason != BySender:
			s.finish(Broken, CutError{Reason: reason})
		case offset > s.window.end:
			m.lost(now) // what is in front of the end is still to come
		case d.state == Broken:
			s.finish(Broken, CutError{Reason: BySender})
		case d.state == Complete:
			s.finish(Complete, CutError{})
		}
	case kindGone:
		s.finish(Broken, CutError{Reason: Gone, Start: offset})
	case kindNone:
		s.finish(Broken, CutError{Reason: Gone})
	}
	m.open()
	m.moved()
}

// take appends what is new of a piece. What does not follow, or has no room since somebody came
// who is further back, is asked for again.
func (m *mirror) take(offset int64, b []byte, now time.Time) {
	s := m.stream
	skip := s.window.end - offset
	switch {
	case skip < 0:
		m.lost(now)
	case skip >= int64(len(b)):
		// Doubled, or only a sign of life.
		if len(b) == 0 {
			m.arrived = now
		}
	case int64(len(b))-skip > s.room():
		m.until = s.window.end
	default:
		m.arrived = now
		s.append(b[skip:])
	}
}

func (m *mirror) lost(now time.Time) {
	if now.Sub(m.complain) >= askAgainAfter {
		m.again = true
	}
}
