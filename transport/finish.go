package transport

import (
	"time"

	"github.com/wsbridge/wsbridge/internal/wheel"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// This file is how the line of an outlet ends: with last words and a moment to take leave, or at
// once.

// say writes the last words.
func (o *outlet) say(last []byte) outcome {
	o.mu.Lock()
	o.said = true
	o.mu.Unlock()
	if how := o.put(last); how != resting {
		return how
	}
	o.talker.parted()
	return over
}

func (o *outlet) hasSaid() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said
}

// finish ends the line at once. Only the first call counts. code is how, unless the server has
// ended it.
func (o *outlet) finish(code wire.CloseCode) {
	o.mu.Lock()
	if o.gone {
		o.mu.Unlock()
		return
	}
	o.gone, o.code = true, code
	busy, line := o.busy, o.line
	timers := [...]*wheel.Entry{o.timer, o.stall}
	o.mu.Unlock()
	if line != nil {
		line.Close()
	}
	for _, timer := range timers {
		if timer != nil {
			o.server.wheel.Stop(timer)
		}
	}
	o.talker.ended()
	if !busy { // else endWork does it, since identity and name are not ours
		o.leave(code)
	}
}

// finishWithin ends the line if that has not happened by then.
func (o *outlet) finishWithin(d time.Duration, code wire.CloseCode) {
	timer := &wheel.Entry{Func: func() { o.finish(code) }}
	o.mu.Lock()
	if o.gone {
		o.mu.Unlock()
		return
	}
	before := o.timer
	o.timer = timer
	o.mu.Unlock()
	if before != nil {
		o.server.wheel.Stop(before)
	}
	o.server.wheel.Schedule(timer, d)
	if o.left.Load() {
		o.server.wheel.Stop(timer)
	}
}

// Stopped implements [bridge.Consumer]. What is being written gets a little time, and whatever
// comes of it, the line ends.
func (o *outlet) Stopped(cause error) {
	e := endingOf(cause)
	o.end(e)
	o.finishWithin(hurryTimeout, e.code)
}

func (o *outlet) cut() { o.finish(closeAbnormal) }

// lingerTimeout is how long a client may take to close its end when the server has closed its
// own. If the server closed whole while bytes are unread, TCP would answer with a reset, and
// the client could lose the last words (RFC 6455, section 7.1.1; RFC 9112, section 9.6).
const lingerTimeout = time.Second

// letGo lets the client close first, for a short time.
func (o *outlet) letGo(code wire.CloseCode) {
	o.line.Shutdown()
	o.finishWithin(lingerTimeout, code)
}
