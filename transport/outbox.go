package transport

import (
	"context"
	"errors"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/internal/wheel"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// This file writes what is queued for a WebSocket. One goroutine at most does, so that what is
// taken first is written first: whoever set pumping has the outlet, until it puts that back or
// hands the outlet on.

// Wake implements [bridge.Consumer]: it gives the connection a turn, or makes who has its outlet
// look again.
func (c *socket) Wake() {
	c.mu.Lock()
	start := !c.pumping && !c.gone
	c.again = c.pumping
	c.pumping = c.pumping || start
	c.mu.Unlock()
	if start {
		c.pump.post(c)
	}
}

// Writable implements [netpoll.Handler].
func (c *socket) Writable() {
	c.mu.Lock()
	start := c.blocked
	c.roomy, c.blocked = !start, false
	c.mu.Unlock()
	if start {
		c.pump.post(c)
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
func (c *socket) turn(b *batch) {
	c.next(c.step(b, func(items []bridge.Item, limit bridge.Limit) ([]bridge.Item, bridge.Rest, error) {
		return c.client.Take(items, limit)
	}))
}

// readLogs writes once of what is read from logs, on a goroutine that may wait for them.
func (c *socket) readLogs() {
	b := getBatch()
	defer b.put()
	c.next(c.step(b, func(items []bridge.Item, limit bridge.Limit) ([]bridge.Item, bridge.Rest, error) {
		had := len(items)
		items, err := c.client.Pull(c.server.ctx, items, limit)
		if len(items) > had {
			return items, bridge.Queued, err
		}
		return items, bridge.Nothing, err
	}))
}

// next hands the outlet on, or puts it back.
func (c *socket) next(o outcome) {
	post := false
	c.mu.Lock()
	switch o {
	case resting:
		post = c.again
		c.pumping = post
	case unfinished:
		post = true
	case full:
		post = c.roomy
		c.blocked = !post
	case over:
		// pumping stays set: nobody gets the outlet again.
	}
	c.again, c.roomy = false, false
	c.mu.Unlock()
	switch {
	case post:
		c.pump.post(c)
	case o == logs:
		c.server.workers.do(c.readLogs)
	}
}

// everything is what is taken of a client that is sent away: its queue, in which the answers
// to its commands are.
var everything = bridge.Limit{Messages: 1 << 14, Bytes: 1 << 20}

// step takes and writes once.
func (c *socket) step(b *batch, take func([]bridge.Item, bridge.Limit) ([]bridge.Item, bridge.Rest, error)) outcome {
	if o := c.writeUnsent(); o != resting {
		return o
	}
	p, sent := c.farewell()
	if sent {
		return c.said(p)
	}
	if p != nil {
		return c.sendClose(b, p.code, p.reason)
	}
	limit := bridge.Limit{Messages: batchMessages, Bytes: batchBytes}
	last := c.ending.Load()
	if last != nil {
		if c.isObeying() {
			return resting // endObeying wakes when the command is answered
		}
		limit = everything
	}
	items, rest, err := take(b.items[:0], limit)
	b.items = items
	if o := c.write(b); o != resting {
		return o
	}
	switch {
	case last != nil && rest == bridge.Queued && err == nil:
		return unfinished
	case last != nil:
		return c.sendClose(b, websocket.StatusCode(last.code), wire.CloseReason(last.code, last.retry))
	case errors.Is(err, bridge.ErrLeft), errors.Is(err, context.Canceled):
		return over
	case err != nil:
		c.end(endingOf(err)) // wakes
		return resting
	case rest == bridge.Logs:
		return logs
	case rest == bridge.Queued:
		return unfinished
	}
	return resting
}

// farewell returns with what the peer is to be answered before the end, if so, and whether a
// close frame was sent, or stands in unsent.
func (c *socket) farewell() (p *parting, sent bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.parting, c.closeSent
}

// write writes what was taken, together.
func (c *socket) write(b *batch) outcome {
	if len(b.items) == 0 {
		return resting
	}
	var t tally
	o := resting
	b.bytes = b.bytes[:0]
	for i, it := range b.items {
		f := c.frame(it, &t)
		// Copied together as far as that is cheaper than a call of the system.
		if i == len(b.items)-1 && len(b.bytes) == 0 || len(f) > gatherBytes {
			o = max(o, c.put(b.bytes), c.put(f))
			b.bytes = b.bytes[:0]
			continue
		}
		if b.bytes = append(b.bytes, f...); len(b.bytes) >= batchBytes {
			o = max(o, c.put(b.bytes))
			b.bytes = b.bytes[:0]
		}
	}
	o = max(o, c.put(b.bytes))
	if o == over {
		return over
	}
	c.ring()
	c.delivered(t)
	return o
}

// gatherBytes is up to what length a frame is copied to others.
const gatherBytes = 16 << 10

// ring tells who waits for room in the queue.
func (c *socket) ring() {
	c.mu.Lock()
	room := c.room
	c.mu.Unlock()
	if room != nil {
		room.ring()
	}
}

// put writes b, or keeps what there is no room for.
func (c *socket) put(b []byte) outcome {
	switch {
	case len(b) == 0:
		return resting
	case len(c.unsent) > 0:
		c.unsent = append(c.unsent, b...)
		return full
	}
	n, err := c.line.Write(b)
	if err != nil {
		c.finish(closeAbnormal)
		return over
	}
	if n == len(b) {
		return resting
	}
	c.unsent = append([]byte(nil), b[n:]...)
	c.stalled(true)
	return full
}

// writeUnsent writes what there was no room for.
func (c *socket) writeUnsent() outcome {
	if len(c.unsent) == 0 {
		return resting
	}
	n, err := c.line.Write(c.unsent)
	if err != nil {
		c.finish(closeAbnormal)
		return over
	}
	c.unsent = c.unsent[n:]
	if len(c.unsent) > 0 {
		if n > 0 {
			c.stalled(true)
		}
		return full
	}
	c.unsent = nil
	c.stalled(false)
	return resting
}

// stalled says that the client has just taken a part of what it is to be given, or all of it:
// within writeTimeout it has to take more.
func (c *socket) stalled(on bool) {
	switch {
	case on && c.stall == nil:
		c.stall = &wheel.Entry{Func: func() {
			c.end(endingOf(bridge.ErrTooSlow))
			c.finish(wire.CloseTooSlow)
		}}
		fallthrough
	case on:
		c.server.wheel.Schedule(c.stall, writeTimeout)
	case c.stall != nil:
		c.server.wheel.Stop(c.stall)
		c.stall = nil
	}
}

// sendClose sends the last frame. The peer has a moment to answer it.
func (c *socket) sendClose(b *batch, code websocket.StatusCode, reason string) outcome {
	c.mu.Lock()
	c.closeSent = true
	p := c.parting
	c.mu.Unlock()
	if p == nil {
		c.finishWithin(hurryTimeout, wire.CloseCode(code))
	}
	var payload [125]byte
	b.bytes = websocket.AppendFrame(b.bytes[:0], websocket.OpClose, true, false, websocket.AppendClosePayload(payload[:0], code, reason))
	if o := c.put(b.bytes); o != resting {
		return o
	}
	return c.said(p)
}

// lingerTimeout is how long a peer that spoke first, or broke the protocol, may take to close
// its end. If the server closed whole while bytes are unread, TCP would answer with a reset,
// and the peer could lose the close frame (RFC 6455, section 7.1.1).
const lingerTimeout = time.Second

// said ends writing when the close frame has been written.
func (c *socket) said(p *parting) outcome {
	if p != nil {
		c.line.Shutdown()
		c.finishWithin(lingerTimeout, wire.CloseCode(p.code))
	}
	return over
}

// frame returns an item as it goes over the line.
func (c *socket) frame(it bridge.Item, t *tally) []byte {
	switch it := it.(type) {
	case *bridge.Delivery:
		t.add(it.Message, c.opened)
		return frameOf(it, c.deflated)
	case *bridge.Gap:
		return gapFrame(&it.Gap)
	case bridge.Reply:
		return it
	}
	return nil
}

func gapFrame(g *pubsub.Gap) []byte {
	return textFrame(func(b []byte) []byte { return wire.AppendGapEvent(b, g) })
}

// Stopped implements [bridge.Consumer]. What is being written gets a little time, and whatever
// comes of it, the connection ends.
func (c *socket) Stopped(cause error) {
	e := endingOf(cause)
	c.end(e)
	c.finishWithin(hurryTimeout, e.code)
}

func (c *socket) cut() { c.finish(closeAbnormal) }
