package transport

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A streamForm is how a transport that answers without end writes things. cursor is where
// the client stands behind what is written.
type streamForm struct {
	transport   string
	contentType string
	heartbeat   string
	welcome     func(dst []byte, client, user string, heartbeat time.Duration, cursor pubsub.Cursor) []byte
	message     func(dst []byte, d *bridge.Delivery, cursor pubsub.Cursor) []byte
	gap         func(dst []byte, g *pubsub.Gap, cursor pubsub.Cursor) []byte
	close       func(dst []byte, code wire.CloseCode, retry time.Duration) []byte
}

// A stream is an HTTP answer without end, written by its handler's goroutine.
type stream struct {
	session
	form   *streamForm
	cursor pubsub.Cursor // where the client stands
	bell   doorbell
	silent atomic.Bool // a heartbeat is due

	w       http.ResponseWriter
	control *http.ResponseController
	mu      sync.Mutex // guards over, and control while it may be over
	over    bool       // the handler is about to return: its ResponseWriter is not to be touched
}

// serveStream serves a stream from the request to its end.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request, form *streamForm) {
	from := s.ClientIP(r)
	if err := s.claim(form.transport, from); err != nil {
		s.refuse(w, form.transport, err)
		return
	}
	defer s.release(from)
	a, err := s.admit(w, r)
	if err == nil && s.Draining() {
		err = errDraining
	}
	if err != nil {
		s.refuse(w, form.transport, err)
		return
	}
	c := &stream{form: form, bell: newDoorbell(), w: w, control: http.NewResponseController(w)}
	c.begin(s, form.transport, from, c)
	c.name = a.name

	code := closeNormal
	if !c.enter() {
		err = errDraining
	} else if c.cursor, err = c.join(r.Context(), a.marks); err == nil {
		c.accept()
		c.identify(a.identity)
		awaitClient(w, r)
		if c.run(r.Context(), r.ProtoMajor) != nil && r.Context().Err() == nil {
			code = closeAbnormal
		}
	}
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	c.leave(code)
	if err != nil && r.Context().Err() == nil {
		s.refuse(w, form.transport, err)
	}
}

// Wake implements [bridge.Consumer].
func (c *stream) Wake() { c.bell.ring() }

// Stopped implements [bridge.Consumer].
func (c *stream) Stopped(cause error) {
	c.end(endingOf(cause))
	c.hurry(hurryTimeout)
}

func (c *stream) cut() { c.hurry(0) }

// run writes until the client leaves or is sent away. The error is that of a write.
func (c *stream) run(ctx context.Context, httpVersion int) error {
	h := c.w.Header()
	h.Set("Content-Type", c.form.contentType)
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	h.Set("X-Content-Type-Options", "nosniff")
	if httpVersion == 1 {
		// Nothing comes after a stream, and so its last deadline may stay.
		h.Set("Connection", "close")
	}
	c.w.WriteHeader(http.StatusOK)
	welcome := c.form.welcome(nil, c.name, c.identity.User, c.server.options.Heartbeat, c.cursor)
	if err := c.write(welcome); err != nil {
		return err
	}
	c.beat.Func = c.tick
	c.server.wheel.Schedule(&c.beat, c.server.options.Heartbeat)

	for {
		if err := c.flush(ctx); err != nil {
			return err
		}
		if e := c.ending.Load(); e != nil {
			return c.goodbye(*e)
		}
		select {
		case <-c.bell:
		case <-ctx.Done():
			return nil
		}
	}
}

// tick makes a heartbeat due, on the wheel's goroutine.
func (c *stream) tick() {
	c.silent.Store(true)
	c.bell.ring()
	c.rest()
}

// flush pulls and writes until nothing is left.
func (c *stream) flush(ctx context.Context) error {
	b := getBatch()
	defer b.put()
	for c.ending.Load() == nil {
		var err error
		b.items, err = c.client.Pull(ctx, b.items[:0], bridge.Limit{Messages: batchMessages, Bytes: batchBytes})
		var t tally
		b.bytes = b.bytes[:0]
		for _, it := range b.items {
			b.bytes = c.append(b.bytes, it, &t)
		}
		if c.silent.Swap(false) {
			b.bytes = append(b.bytes, c.form.heartbeat...)
		}
		if len(b.bytes) > 0 {
			if err := c.write(b.bytes); err != nil {
				b.bytes = nil // see writeAll
				return err
			}
			c.delivered(t)
		}
		switch {
		case err != nil && ctx.Err() == nil:
			c.end(endingOf(err))
			return nil
		case err != nil, len(b.items) == 0:
			return nil
		}
	}
	return nil
}

// append moves the cursor past an item and appends its bytes.
func (c *stream) append(dst []byte, it bridge.Item, t *tally) []byte {
	switch it := it.(type) {
	case *bridge.Delivery:
		m := it.Message
		t.add(m, c.opened)
		c.move(m.Channel, m.Pos)
		return c.form.message(dst, it, c.cursor)
	case *bridge.Gap:
		c.move(it.Channel, it.To)
		return c.form.gap(dst, &it.Gap, c.cursor)
	}
	return dst
}

func (c *stream) move(name pubsub.Channel, pos pubsub.Position) {
	if i := find(c.cursor, name); i >= 0 {
		c.cursor[i].Start = pubsub.Behind(pos)
	}
}

// goodbye tells the client why it is sent away. One that was too slow may not hear it.
func (c *stream) goodbye(e ending) error {
	return c.write(c.form.close(nil, e.code, e.retry))
}

// write writes and flushes in pieces, each with its own deadline.
func (c *stream) write(b []byte) error {
	for len(b) > 0 {
		n := min(len(b), batchBytes)
		c.limitWrite()
		if _, err := c.w.Write(b[:n]); err != nil {
			c.failed(err)
			return err
		}
		b = b[n:]
	}
	err := c.control.Flush()
	c.failed(err)
	return err
}

// limitWrite sets the deadline of a write that begins. ending is set before hurry takes the
// mutex, so a write is short either by the one or by the other.
func (c *stream) limitWrite() {
	c.mu.Lock()
	defer c.mu.Unlock()
	timeout := writeTimeout
	if c.ending.Load() != nil {
		timeout = hurryTimeout
	}
	// An error says that the connection knows no deadlines.
	_ = c.control.SetWriteDeadline(time.Now().Add(timeout))
}

// hurry gives the write under way that much time, from any goroutine.
func (c *stream) hurry(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		_ = c.control.SetWriteDeadline(time.Now().Add(d))
	}
}
