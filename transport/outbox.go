package transport

import (
	"errors"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// This file writes what is queued for a WebSocket: on a goroutine that is there only while
// there is something. One at most is, so that what is pulled first is written first.

// wake starts the goroutine, or makes it look again. The bridge calls it, and session.end.
func (c *socket) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.gone:
	case c.pumping:
		c.again = true
	default:
		c.pumping = true
		c.server.goroutines.Add(1) // the reader has not left, so this is not the first
		go c.drain()
	}
}

// setObeying says whether a command is under way. The connection is not closed before it
// was answered; so what ended meanwhile is looked at again.
func (c *socket) setObeying(on bool) {
	c.mu.Lock()
	c.obeying = on
	c.mu.Unlock()
	if !on && c.ending.Load() != nil {
		c.wake()
	}
}

func (c *socket) isObeying() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.obeying
}

// over keeps wake from starting another one.
func (c *socket) over() {
	c.mu.Lock()
	c.gone = true
	c.mu.Unlock()
}

// drain writes until nothing is left or the connection is over.
func (c *socket) drain() {
	defer c.server.goroutines.Done()
	b := getBatch()
	defer b.put()
	for c.pump(b) {
		c.mu.Lock()
		if !c.again {
			c.pumping = false
			c.mu.Unlock()
			return
		}
		c.again = false
		c.mu.Unlock()
	}
	// pumping stays set: nobody pulls again.
}

// everything is what is pulled of a client that is sent away: its queue, in which the answers
// to its commands are.
var everything = bridge.Limit{Messages: 1 << 14, Bytes: 1 << 20}

// pump pulls and writes. It reports false when the connection is over.
func (c *socket) pump(b *batch) bool {
	for {
		limit := bridge.Limit{Messages: batchMessages, Bytes: batchBytes}
		last := c.ending.Load()
		if last != nil {
			if c.isObeying() {
				return true // setObeying wakes when the command is answered
			}
			limit = everything
		}
		var err error
		b.items, err = c.client.Pull(c.server.ctx, b.items[:0], limit)
		if !c.write(b) {
			return false
		}
		switch {
		case last != nil:
			c.conn.Close(websocket.StatusCode(last.code), wire.CloseReason(last.code, last.retry))
			return false
		case err == nil && len(b.items) == 0:
			return true
		case errors.Is(err, bridge.ErrLeft), c.server.ctx.Err() != nil:
			return false
		case err != nil:
			c.end(endingOf(err))
		}
	}
}

// write writes what was pulled, together. It reports false when the connection is over.
func (c *socket) write(b *batch) bool {
	if len(b.items) == 0 {
		return true
	}
	var t tally
	b.frames = b.frames[:0]
	for _, it := range b.items {
		b.frames = append(b.frames, c.frame(it, &t))
	}
	if err := c.conn.WriteFrames(b.frames...); err != nil {
		c.failed(err)
		return false
	}
	c.room.ring()
	c.delivered(t)
	return true
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

// stopped is told by the bridge that the client was stopped. A write that blocks gets a
// little time, and whatever comes of it, the connection ends.
func (c *socket) stopped(cause error) {
	c.end(endingOf(cause))
	// For lack of time only: reading and writing belong to conn.
	_ = c.conn.NetConn().SetWriteDeadline(time.Now().Add(hurryTimeout))
}
