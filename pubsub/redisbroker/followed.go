package redisbroker

import (
	"strings"
	"sync"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A followed channel is one whose announcements are passed on to the receiver.
type followed struct {
	channel pubsub.Channel
	line    *line // that carries it; guarded by lines.mu

	mu sync.Mutex // held while the receiver is told; guards what follows

	// What was announced last, or the end of the log that Follow returned or that went with a
	// Break: whatever stands in front of it is no longer owed to the receiver.
	last    pubsub.Position
	held    pubsub.Position // last, when the line was lost, until it was looked for in the log; or zero
	opening *opening        // until the end is known for the first time
	gone    bool            // no longer followed
}

// An opening is what Follow waits for.
type opening struct {
	done chan struct{}
	end  pubsub.Position // this and what follows are set before done is closed
	err  error
}

// announced takes what a line brought. It may come before Follow has returned.
func (f *followed) announced(a announcement, r pubsub.Receiver) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone || a.message == nil && a.pos == f.last { // the end was read before this was passed on
		return
	}
	f.move(&a.pos)
	if a.message == nil {
		r.Break(f.channel)
		return
	}
	a.message.Pos = a.pos
	r.Message(a.message)
}

// broken tells the receiver that what was announced cannot be read.
func (f *followed) broken(r pubsub.Receiver) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.gone {
		r.Break(f.channel)
	}
}

// move makes p the last position. Epochs are kept once for each channel: those that come along are
// pieces of announcements, all of whose bytes they would keep.
func (f *followed) move(p *pubsub.Position) {
	if p.Epoch == f.last.Epoch {
		p.Epoch = f.last.Epoch
	} else {
		p.Epoch = pubsub.Epoch(strings.Clone(string(p.Epoch)))
	}
	f.last = *p
}

// hold keeps what was announced last, since from now on announcements may be those of a log
// that has lost it.
func (f *followed) hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held.IsZero() && f.opening == nil {
		f.held = f.last
	}
}

// position returns what was announced last, or what is held.
func (f *followed) position() (p pubsub.Position, held bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held.IsZero() {
		return f.last, false
	}
	return f.held, true
}

// found ends holding a position: the log has it, or is marked.
func (f *followed) found(p pubsub.Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == p {
		f.held = pubsub.Position{}
	}
}

// awaited reports whether Follow has not returned.
func (f *followed) awaited() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opening != nil
}

// A finding is what comparing the end of a log with the last position gave.
type finding uint8

const (
	nothingMissed finding = iota
	missed                // the receiver was told
	perhapsMissed         // or it is on its way
)

// compare takes where the log ended when it was read, and the last position before. What lies
// between may be on its way over the line: patience leaves that open.
func (f *followed) compare(before, end pubsub.Position, patience bool, r pubsub.Receiver, flaws flaws) finding {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.gone:
		return nothingMissed
	case f.opening != nil:
		if !reached(f.last, end, flaws) {
			f.move(&end)
		}
		f.opening.end = end
		f.opened(nil)
		return nothingMissed
	case flaws.noCatchUp:
		f.move(&end)
		return nothingMissed
	case wentBack(before, end, flaws):
	case reached(f.last, end, flaws):
		return nothingMissed
	case patience:
		return perhapsMissed
	}
	f.move(&end)
	r.Break(f.channel)
	return missed
}

// arrived decides what compare left open, once all that was on its way has come.
func (f *followed) arrived(end pubsub.Position, r pubsub.Receiver, flaws flaws) finding {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gone || reached(f.last, end, flaws) {
		return nothingMissed
	}
	f.move(&end)
	r.Break(f.channel)
	return missed
}

// opened ends the opening. The mutex is held.
func (f *followed) opened(err error) {
	f.opening.err = err
	close(f.opening.done)
	f.opening = nil
}

// fail ends the opening, if that has not ended, with an error that waiting does not mend.
func (f *followed) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.opening != nil {
		f.opened(err)
	}
}

// leave ends following: from here on the receiver is told nothing.
func (f *followed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
	if f.opening != nil {
		f.opened(pubsub.ErrUnavailable)
	}
}

// reached reports whether announcements that stand at last have come as far as end.
func reached(last, end pubsub.Position, flaws flaws) bool {
	return last.Epoch == end.Epoch && (last.Offset > end.Offset || equal(last, end, flaws))
}

// wentBack reports whether a log that ended at end has lost what had been announced before it was read.
func wentBack(before, end pubsub.Position, flaws flaws) bool {
	return before.Epoch == end.Epoch && before.Offset >= end.Offset && !equal(before, end, flaws)
}

func equal(a, b pubsub.Position, flaws flaws) bool {
	return a == b || flaws.ignoreDigest && a.Epoch == b.Epoch && a.Offset == b.Offset
}
