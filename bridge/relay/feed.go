package relay

import (
	"context"
	"errors"
	"strings"
	"time"
)

// maxFeeds bounds the mirrors elsewhere that are fed at once.
const maxFeeds = 1024

// A feed sends a stream to a mirror on another instance: a consumer whose position is what the
// mirror has confirmed.
type feed struct {
	consumer *Consumer
	to       string // instance
	nonce    uint64
	bell     chan struct{}

	// Guarded by the stream's mutex.
	next  int64  // what is sent next
	until int64  // what the mirror takes ends here
	cuts  uint64 // what the mirror said last
	asked bool   // the mirror waits for a sign of life
	told  bool   // the end was said once, without being asked
}

// hasAll reports whether everything was sent and the mirror would take more. The stream's mutex
// is held.
func (f *feed) hasAll(end int64) bool { return f.next >= end && f.until > end }

// A reply is a datagram of the keeper's.
type reply struct {
	to string
	d  datagram
}

func (r *Relay) post(a reply) {
	ctx, cancel := context.WithTimeout(r.ctx, exchangeTimeout)
	defer cancel()
	_ = r.options.Exchange.Send(ctx, a.to, a.d.appendTo(nil)) // who asked asks again
}

// receive takes a datagram. It does not block.
func (r *Relay) receive(b []byte) {
	d, ok := parseDatagram(b)
	if !ok {
		return
	}
	switch d.kind {
	case kindWant:
		r.wanted(&d)
	case kindLeave:
		r.mu.Lock()
		f := r.feeds[d.nonce]
		r.mu.Unlock()
		if f != nil {
			f.consumer.Close()
		}
	default:
		r.mu.Lock()
		m := r.byNonce[d.nonce]
		r.mu.Unlock()
		if m != nil && m.stream.info.ID == d.id {
			m.hear(&d)
		}
	}
}

// wanted feeds a mirror.
func (r *Relay) wanted(d *datagram) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if f := r.feeds[d.nonce]; f != nil {
		if f.consumer.stream.info.ID == d.id {
			f.want(d)
		}
		return
	}
	answer := datagram{kind: kindNone, id: d.id, nonce: d.nonce}
	s := r.streams[d.id]
	if s == nil || len(r.feeds) >= maxFeeds {
		r.reply(string(d.rest), answer)
		return
	}
	f := &feed{to: string(d.rest), nonce: d.nonce, bell: make(chan struct{}, 1), next: int64(d.from)}
	c, err := s.join(int64(d.from), func(bool) { f.ring() }, f)
	if err != nil {
		if gone := (*CutError)(nil); errors.As(err, &gone) {
			answer.kind, answer.from = kindGone, uint64(gone.Start)
		}
		r.reply(f.to, answer)
		return
	}
	f.consumer = c
	f.want(d)
	r.feeds[d.nonce] = f
	r.goroutines.Add(1)
	go f.run(r)
}

func (r *Relay) reply(to string, d datagram) {
	select {
	case r.replies <- reply{strings.Clone(to), d}:
	default: // who asked asks again
	}
}

func (f *feed) ring() {
	select {
	case f.bell <- struct{}{}:
	default:
	}
}

// want takes what the mirror says.
func (f *feed) want(d *datagram) {
	c, s := f.consumer, f.consumer.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	from := int64(d.from)
	if c.err != nil || from > s.window.end {
		return // it was cut, and run says so; or it has more than there is, as none can
	}
	now := time.Now()
	s.account(now)
	c.moved = now
	c.pos = max(c.pos, from)
	f.until = max(f.until, min(int64(d.until), c.pos+s.window.limit()))
	if d.again {
		f.next = c.pos
	}
	f.next = max(f.next, c.pos)
	if d.cuts != f.cuts {
		// It has cut who was slow there. Those who are left should not pay for that.
		f.cuts, c.held = d.cuts, 0
	}
	f.asked = true
	s.flow()
	f.ring()
}

// run sends what the mirror takes, until it leaves or is cut.
func (f *feed) run(r *Relay) {
	defer r.goroutines.Done()
	buf := make([]byte, 0, datagramHead+8+pieceSize)
	for {
		d, wait, over := f.say(buf)
		if !wait {
			ctx, cancel := context.WithTimeout(r.ctx, exchangeTimeout)
			err := r.options.Exchange.Send(ctx, f.to, d)
			cancel()
			if err != nil && !over {
				// What was lost is asked for again.
				f.pause(r)
			}
		}
		if over {
			r.mu.Lock()
			delete(r.feeds, f.nonce)
			r.mu.Unlock()
			return
		}
		if !wait {
			continue
		}
		select {
		case <-f.bell:
		case <-r.ctx.Done():
			f.consumer.Close()
		}
	}
}

// pause keeps a feed from trying in vain all the time.
func (f *feed) pause(r *Relay) {
	select {
	case <-f.bell: // the mirror was heard
	case <-time.After(askEvery):
	case <-r.ctx.Done():
	}
}

// say returns the next datagram, in buf; or that there is none, or that it is the last.
func (f *feed) say(buf []byte) (b []byte, wait, over bool) {
	c, s := f.consumer, f.consumer.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	d := datagram{id: s.info.ID, nonce: f.nonce}
	if c.err != nil {
		cut := (*CutError)(nil)
		if !errors.As(c.err, &cut) {
			return nil, true, true // it left
		}
		d.kind, d.from, d.state, d.rest = kindEnd, uint64(s.window.end), Broken, []byte(cut.Reason)
		return d.appendTo(buf), false, true
	}
	d.from = uint64(f.next)
	if n := min(f.until, s.window.end) - f.next; n > 0 {
		d.kind = kindPiece
		b = d.appendTo(buf)
		at := len(b)
		b = b[:at+int(min(n, pieceSize))]
		s.account(time.Now())
		f.next += int64(s.window.read(b[at:], f.next))
		f.asked = false
		return b, false, false
	}
	over = s.state != Running && f.next >= s.window.end
	if !f.asked && (!over || f.told) {
		return nil, true, false
	}
	f.asked = false
	d.kind = kindPiece
	if over {
		f.told = true
		d.kind, d.from, d.state = kindEnd, uint64(s.window.end), s.state
		if s.state == Broken {
			d.rest = []byte(s.cut.Reason)
		}
	}
	return d.appendTo(buf), false, false // it stays until the mirror leaves, to say it again
}
