package websocket

import (
	"errors"
	"sync"
	"sync/atomic"
)

var errControlPayload = errors.New("websocket: a ping carries at most 125 bytes")

// Ping sends a ping with up to 125 bytes (RFC 6455, section 5.5.2), also between the fragments of a message. Its pong comes to
// Options.OnPong while someone reads.
func (c *Conn) Ping(payload []byte) error {
	if len(payload) > maxControl {
		return errControlPayload
	}
	if err := c.lockWire(); err != nil {
		return err
	}
	defer c.unlockWire()
	return c.put(c.appendFrame(c.write.control[:0], OpPing, true, false, payload))
}

// pendingPong is a pong that waits for a write under way, so that a reader never does. Only the newest is kept: RFC 6455,
// section 5.5.3, lets the older ones go unanswered.
type pendingPong struct {
	waiting atomic.Bool
	mu      sync.Mutex // never held while blocking
	payload []byte
}

// sendPong answers a ping.
func (c *Conn) sendPong(payload []byte) {
	if c.wire.tryLock() {
		c.putPong(payload)
		c.unlockWire()
		return
	}
	p := &c.pong
	p.mu.Lock()
	p.payload = append(p.payload[:0], payload...)
	p.waiting.Store(true)
	p.mu.Unlock()
	c.flushPong()
}

// flushPong sends the waiting pong, if there is one and nobody writes. Whoever writes calls it afterwards.
func (c *Conn) flushPong() {
	p := &c.pong
	for p.waiting.Load() && c.wire.tryLock() {
		p.mu.Lock()
		payload, ok := p.payload, p.waiting.Swap(false)
		p.payload = nil
		p.mu.Unlock()
		if ok {
			c.putPong(payload)
		}
		c.wire.unlock()
	}
}

// putPong writes a pong. The caller holds wire. An error ends the connection, which the reader then sees.
func (c *Conn) putPong(payload []byte) {
	if c.write.closeSent || c.Err() != nil {
		return
	}
	c.limitWrite()
	c.put(c.appendFrame(c.write.control[:0], OpPong, true, false, payload))
}
