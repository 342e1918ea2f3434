package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/internal/wheel"
	"github.com/wsbridge/wsbridge/transport/internal/netpoll"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// An outlet is a session whose line was taken away from net/http. It writes what its client is
// given: on one goroutine at most, so that what is taken first is written first. Whoever set
// pumping has the outlet, until it puts that back or hands the outlet on.
type outlet struct {
	session
	line   netpoll.Conn // nil until open
	pump   *pump
	talker talker // whose outlet it is

	unsent []byte // what there was no room for; owned by who has the outlet

	mu      sync.Mutex // guards what follows; no other lock is taken while it is held
	busy    bool       // somebody works for the session, who then looks at gone and ending
	pumping bool       // somebody has the outlet
	again   bool       // it was woken meanwhile
	blocked bool       // the outlet waits for room
	roomy   bool       // there was room again before the outlet waited for it
	said    bool       // the last words were written, or stand in unsent
	gone    bool       // it has ended; code is how
	code    wire.CloseCode
	stall   *wheel.Entry // fires when there was no room for too long; nil: there is room
	timer   *wheel.Entry // ends the line if nothing else does
}

// A talker knows what is said over a line. All but ended is called by who has the outlet.
type talker interface {
	netpoll.Handler
	consumer

	// parting returns whether the end has come whatever waits, with its last words.
	parting(b *batch) (last []byte, now bool)

	// encode appends what items say to b.bytes, or writes it with put, and counts them in b.tally.
	encode(b *batch) outcome

	// idle is called when nothing waits for the client, and writes with put what has no hurry.
	idle(b *batch) outcome

	// farewell returns the last words to a client that is sent away. It is called when all that
	// waits for it was written.
	farewell(b *batch, e ending) []byte

	// parted is called when the last words were written.
	parted()

	// ended is called when the session has an end while somebody works for it, and when the line
	// is over: nobody may go on waiting for the client.
	ended()
}

// open begins the session of a talker on the goroutine of its request, which has the outlet, and
// the work for it, until it calls start, or endWork after finish.
func (o *outlet) open(s *Server, transport string, from netip.Addr, t talker) {
	o.talker, o.pump = t, s.nextPump()
	o.busy, o.pumping = true, true
	o.begin(s, transport, from, t)
}

// hold makes the line of a connection that was taken away from net/http.
func (o *outlet) hold(nc net.Conn) error {
	line, err := o.server.take(nc, o.talker)
	if err != nil {
		return err
	}
	o.mu.Lock()
	o.line = line
	gone := o.gone
	o.mu.Unlock()
	if gone {
		line.Close()
	}
	return nil
}

// start lets the pump, and what the client sends, come.
func (o *outlet) start() {
	o.next(unfinished)
	o.endWork()
	if o.line.Start() != nil {
		o.finish(closeAbnormal) // it is over already
	}
}

// Wake implements [bridge.Consumer]: it gives the session a turn, or makes who has its outlet
// look again.
func (o *outlet) Wake() {
	o.mu.Lock()
	start := !o.pumping && !o.gone
	o.again = o.pumping
	o.pumping = o.pumping || start
	o.mu.Unlock()
	if start {
		o.pump.post(o)
	}
}

// Writable implements [netpoll.Handler].
func (o *outlet) Writable() {
	o.mu.Lock()
	start := o.blocked
	o.roomy, o.blocked = !start, false
	o.mu.Unlock()
	if start {
		o.pump.post(o)
	}
}

// An outcome is how a turn ended.
type outcome uint8

const (
	resting    outcome = iota // nothing is left
	unfinished                // there is more
	logs                      // there is more in logs, which are read by a worker
	full                      // there is no room
	over                      // nothing is written any more
)

// turn writes once, on the goroutine of the pump.
func (o *outlet) turn(b *batch) { o.next(o.step(b, o.client.Take)) }

// readLogs writes once of what is read from logs, on a goroutine that may wait for them.
func (o *outlet) readLogs() {
	b := getBatch()
	defer b.put()
	o.next(o.step(b, func(items []bridge.Item, limit bridge.Limit) ([]bridge.Item, bridge.Rest, error) {
		had := len(items)
		items, err := o.client.Pull(o.server.ctx, items, limit)
		if len(items) > had {
			return items, bridge.Queued, err
		}
		return items, bridge.Nothing, err
	}))
}

// next hands the outlet on, or puts it back.
func (o *outlet) next(how outcome) {
	post := false
	o.mu.Lock()
	switch how {
	case resting:
		post = o.again
		o.pumping = post
	case unfinished:
		post = true
	case full:
		post = o.roomy
		o.blocked = !post
	case over:
		// pumping stays set: nobody gets the outlet again.
	}
	o.again, o.roomy = false, false
	o.mu.Unlock()
	switch {
	case post:
		o.pump.post(o)
	case how == logs:
		o.server.workers.do(o.readLogs)
	}
}

// everything is what is taken of a client that is sent away: its queue, in which the answers
// to its commands are.
var everything = bridge.Limit{Messages: 1 << 14, Bytes: 1 << 20}

// step takes and writes once.
func (o *outlet) step(b *batch, take func([]bridge.Item, bridge.Limit) ([]bridge.Item, bridge.Rest, error)) outcome {
	if how := o.writeUnsent(); how != resting {
		return how
	}
	if o.hasSaid() {
		o.talker.parted()
		return over
	}
	if last, now := o.talker.parting(b); now {
		return o.say(last)
	}
	limit := bridge.Limit{Messages: batchMessages, Bytes: batchBytes}
	end := o.ending.Load()
	if end != nil {
		if o.isBusy() {
			o.talker.ended()
			return resting // whoever is busy wakes it
		}
		limit = everything
	}
	items, rest, err := take(b.items[:0], limit)
	b.items = items
	if how := o.write(b); how != resting {
		return how
	}
	switch {
	case end != nil && rest == bridge.Queued && err == nil:
		return unfinished
	case end != nil:
		o.finishWithin(hurryTimeout, end.code)
		return o.say(o.talker.farewell(b, *end))
	case errors.Is(err, bridge.ErrLeft), errors.Is(err, context.Canceled):
		return over
	case err != nil:
		o.end(endingOf(err)) // wakes
		return resting
	case rest == bridge.Logs:
		return logs
	case rest == bridge.Queued:
		return unfinished
	}
	return o.talker.idle(b)
}

// write writes what was taken, together.
func (o *outlet) write(b *batch) outcome {
	b.bytes, b.tally = b.bytes[:0], tally{}
	how := o.talker.encode(b)
	if how = max(how, o.put(b.bytes)); how == over {
		return over
	}
	o.delivered(b.tally)
	return how
}

func (o *outlet) isGone() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.gone
}

func (o *outlet) isBusy() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.busy
}

// beginWork says that somebody works for the session. The line is not closed before that was
// done. It reports false when the line is over.
func (o *outlet) beginWork() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.busy = !o.gone
	return o.busy
}

// endWork does what was put off meanwhile.
func (o *outlet) endWork() {
	o.mu.Lock()
	o.busy = false
	gone, code := o.gone, o.code
	o.mu.Unlock()
	switch {
	case gone:
		o.leave(code)
	case o.ending.Load() != nil:
		o.Wake()
	}
}
