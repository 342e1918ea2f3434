package websocket

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// writeState is owned by who holds Conn.wire.
type writeState struct {
	closeSent bool
	vector    net.Buffers // reused between calls
	rest      net.Buffers // what is left of vector during one
	control   [maxHeader + maxControl]byte
}

// gatherSize is up to how many bytes frames are copied together to leave in one write. Above, a copy costs more than a
// vectored write.
const gatherSize = 16 << 10

// buffers are borrowed for the time of one write.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, gatherSize); return &b }}

// maxRecycled bounds the buffers that are kept.
const maxRecycled = 256 << 10

// recycle gives a buffer back that may have grown into b.
func recycle(buffer *[]byte, b []byte) {
	if cap(b) > maxRecycled {
		return
	}
	*buffer = b[:0]
	buffers.Put(buffer)
}

// WriteMessage sends payload as one message of one frame, compressed when that was agreed on and payload has the threshold's
// size. op is OpText or OpBinary; that text is UTF-8 is the caller's care. It waits for other messages to be sent
// before, and at most WriteTimeout for its own.
func (c *Conn) WriteMessage(op Opcode, payload []byte) error {
	if op != OpText && op != OpBinary {
		return errNotData
	}
	if err := c.lockMessage(); err != nil {
		return err
	}
	defer c.message.unlock()
	if c.deflate == nil || len(payload) < c.deflation.threshold() {
		return c.writeFrame(op, true, false, payload)
	}
	scratch := buffers.Get().(*[]byte)
	d, done := c.messageDeflater()
	compressed := d.append((*scratch)[:0], payload)
	done()
	defer recycle(scratch, compressed)
	// With context takeover the peer's window must see what ours saw, even if the message grew.
	if noTakeover, _ := c.deflate.of(c.side); noTakeover && len(compressed) >= len(payload) {
		return c.writeFrame(op, true, false, payload)
	}
	return c.writeFrame(op, true, true, compressed)
}

var errNotData = errors.New("websocket: a message is text or binary")

// WriteFrames sends prepared frames, whole messages of [AppendFrame] or [AppendDeflatedFrame], in their order and in one write as
// far as the system allows. The frames are only read and may be shared with other connections.
//
// On the client's side, frames must be masked: see [AppendMaskedFrame].
func (c *Conn) WriteFrames(frames ...[]byte) error {
	if err := c.lockMessage(); err != nil {
		return err
	}
	defer c.message.unlock()
	if err := c.lockWire(); err != nil {
		return err
	}
	defer c.unlockWire()
	return c.flush(frames)
}

// flush writes pieces in one write, or few. The caller holds wire.
func (c *Conn) flush(pieces [][]byte) error {
	if len(pieces) == 1 {
		return c.put(pieces[0])
	}
	total := 0
	for _, p := range pieces {
		total += len(p)
	}
	if total > gatherSize && c.vectored {
		w := &c.write
		w.vector = append(w.vector[:0], pieces...)
		w.rest = w.vector
		_, err := w.rest.WriteTo(c.nc)
		clear(w.vector)
		if cap(w.vector) > 64 {
			w.vector = nil
		}
		return c.written(err)
	}
	buffer := buffers.Get().(*[]byte)
	b := (*buffer)[:0]
	var err error
	for _, p := range pieces {
		if len(b) > 0 && len(b)+len(p) > gatherSize*4 {
			if err = c.put(b); err != nil {
				break
			}
			b = b[:0]
		}
		b = append(b, p...)
	}
	if err == nil && len(b) > 0 {
		err = c.put(b)
	}
	recycle(buffer, b)
	return err
}

// put writes b. The caller holds wire.
func (c *Conn) put(b []byte) error {
	_, err := c.nc.Write(b)
	return c.written(err)
}

// written ends the connection after a write that failed: a part of a frame may be gone.
func (c *Conn) written(err error) error {
	if err == nil {
		return nil
	}
	c.end(fmt.Errorf("websocket: write: %w", err), true)
	return c.cause
}

// lockMessage waits for the turn to send a data message.
func (c *Conn) lockMessage() error {
	if c.message.tryLock() {
		return nil
	}
	select {
	case c.message <- struct{}{}:
		return nil
	case <-c.closed:
		return c.cause
	}
}

// lockWire waits for the turn to write a frame and sets the deadline for it.
func (c *Conn) lockWire() error {
	if !c.wire.tryLock() {
		select {
		case c.wire <- struct{}{}:
		case <-c.closed:
			return c.cause
		}
	}
	if c.write.closeSent {
		c.wire.unlock()
		if err := c.Err(); err != nil {
			return err
		}
		return errClosedHere
	}
	if err := c.Err(); err != nil {
		c.wire.unlock()
		return err
	}
	c.limitWrite()
	return nil
}

func (c *Conn) limitWrite() {
	if c.writeTimeout > 0 {
		c.nc.SetWriteDeadline(time.Now().Add(c.writeTimeout))
	}
}

// unlockWire lets the next one write, after a pong that could not wait for it.
func (c *Conn) unlockWire() {
	c.wire.unlock()
	c.flushPong()
}

// writeFrame sends one frame of an own message. The caller holds message.
func (c *Conn) writeFrame(op Opcode, fin, rsv1 bool, payload []byte) error {
	if err := c.lockWire(); err != nil {
		return err
	}
	defer c.unlockWire()
	buffer := buffers.Get().(*[]byte)
	b := (*buffer)[:0]
	defer func() { recycle(buffer, b) }()

	if c.side == ServerSide {
		if len(payload) <= gatherSize-maxHeader || !c.vectored && len(payload) <= maxRecycled-maxHeader {
			b = AppendFrame(b, op, fin, rsv1, payload)
			return c.put(b)
		}
		b = appendHeader(b, op, fin, rsv1, false, len(payload))
		return c.flush([][]byte{b, payload})
	}
	// A client masks, and so copies: a long frame goes out in parts.
	key := newMaskKey()
	b = appendHeader(b, op, fin, rsv1, true, len(payload))
	b = append(b, byte(key), byte(key>>8), byte(key>>16), byte(key>>24))
	for {
		n := min(len(payload), cap(b)-len(b))
		b = append(b, payload[:n]...)
		key = mask(b[len(b)-n:], key)
		if err := c.put(b); err != nil {
			return err
		}
		if payload = payload[n:]; len(payload) == 0 {
			return nil
		}
		b = b[:0]
	}
}

// appendFrame appends a frame as this side sends it.
func (c *Conn) appendFrame(dst []byte, op Opcode, fin, rsv1 bool, payload []byte) []byte {
	if c.side == ServerSide {
		return AppendFrame(dst, op, fin, rsv1, payload)
	}
	key := newMaskKey()
	return AppendMaskedFrame(dst, op, fin, rsv1, payload, [4]byte{byte(key), byte(key >> 8), byte(key >> 16), byte(key >> 24)})
}

// newMaskKey returns a key that a page cannot foresee (RFC 6455, section 10.3).
func newMaskKey() uint32 {
	key := maskKeys.Get().(*[4]byte)
	defer maskKeys.Put(key)
	rand.Read(key[:]) // never fails
	return uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
}

var maskKeys = sync.Pool{New: func() any { return new([4]byte) }}
