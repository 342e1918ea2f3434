package transport

import (
	"net/http"
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

// A stream is an HTTP answer without end. As soon as it has begun it is taken away from
// net/http, and is then this struct while nothing happens.
type stream struct {
	outlet
	form    *streamForm
	cursor  pubsub.Cursor // where the client stands; owned by who has the outlet
	chunked bool          // the answer is (RFC 9112, section 7.1)
	silent  atomic.Bool   // a heartbeat is due
}

// serveStream serves a stream from the request to its end, or until it is taken away.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request, form *streamForm) {
	from := s.ClientIP(r)
	if err := s.claim(form.transport, from); err != nil {
		s.refuse(w, form.transport, err)
		return
	}
	a, err := s.admit(w, r)
	if err == nil && s.Draining() {
		err = errDraining
	}
	if err != nil {
		s.release(from)
		s.refuse(w, form.transport, err)
		return
	}
	c := &stream{form: form, chunked: r.ProtoAtLeast(1, 1)}
	c.open(s, form.transport, from, c)
	c.placed = true
	c.name = a.name
	if !c.enter() {
		err = errDraining
	} else if c.cursor, err = c.join(r.Context(), a.marks); err == nil {
		c.accept()
		c.identify(a.identity)
		c.greet(w, r)
		return
	}
	c.finish(closeNormal)
	c.endWork()
	if r.Context().Err() == nil {
		s.refuse(w, form.transport, err)
	}
}

// greet begins the answer and takes it away.
func (c *stream) greet(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", c.form.contentType)
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	h.Set("X-Content-Type-Options", "nosniff")
	if r.ProtoMajor == 1 {
		h.Set("Connection", "close") // nothing comes after a stream
	}
	awaitClient(w, r)
	control := http.NewResponseController(w)
	// An error says that the connection knows no deadlines.
	_ = control.SetWriteDeadline(time.Now().Add(writeTimeout))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(c.form.welcome(nil, c.name, c.principal.user, c.server.options.Heartbeat, c.cursor))
	if err == nil {
		err = control.Flush()
	}
	if err != nil {
		c.failed(err)
		c.finish(closeAbnormal)
		c.endWork()
		return
	}
	c.beat.Func = c.tick
	c.server.wheel.Schedule(&c.beat, c.server.options.Heartbeat)

	nc, _, err := control.Hijack()
	if err != nil { // as of HTTP/2
		answer := newAnswerConn(w, r)
		c.chunked = false
		c.hold(answer) // which is not polled, so this does not fail
		c.start()
		answer.await()
		return
	}
	nc.SetDeadline(time.Time{})
	if err := c.hold(nc); err != nil {
		c.server.options.Logger.Error("request failed", "transport", c.transport, "error", err)
		c.finish(closeAbnormal)
		c.endWork()
		return
	}
	c.start()
}

// Input implements [netpoll.Handler]: a client has nothing more to say.
func (c *stream) Input([]byte) bool { return true }

// Gone implements [netpoll.Handler].
func (c *stream) Gone(error) { c.finish(closeNormal) }

// tick makes a heartbeat due, on the wheel's goroutine.
func (c *stream) tick() {
	c.silent.Store(true)
	c.Wake()
	c.rest()
}

// parting implements [talker]: a client that has left hears nothing.
func (c *stream) parting(*batch) ([]byte, bool) { return nil, false }

// encode implements [talker].
func (c *stream) encode(b *batch) outcome {
	silent := c.silent.Swap(false)
	if len(b.items) == 0 && !silent {
		return resting
	}
	b.bytes = c.beginChunk(b.bytes)
	for _, it := range b.items {
		b.bytes = c.append(b.bytes, it, &b.tally)
	}
	if silent {
		b.bytes = append(b.bytes, c.form.heartbeat...)
	}
	b.bytes = c.endChunk(b.bytes)
	return resting
}

// append moves the cursor past an item and appends its bytes.
func (c *stream) append(dst []byte, it bridge.Item, t *tally) []byte {
	switch it := it.(type) {
	case *bridge.Delivery:
		m := it.Message
		t.add(m, c.since())
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

// idle implements [talker].
func (c *stream) idle(*batch) outcome { return resting }

// farewell implements [talker]: it tells the client why it is sent away.
func (c *stream) farewell(b *batch, e ending) []byte {
	b.bytes = c.endChunk(c.form.close(c.beginChunk(b.bytes[:0]), e.code, e.retry))
	if c.chunked {
		b.bytes = append(b.bytes, "0\r\n\r\n"...)
	}
	return b.bytes
}

// parted implements [talker].
func (c *stream) parted() { c.letGo(closeNormal) }

// ended implements [talker].
func (c *stream) ended() {}

// chunkHead is where the size of a chunk stands, of a length that holds any.
const chunkHead = "00000000\r\n"

func (c *stream) beginChunk(dst []byte) []byte {
	if c.chunked {
		dst = append(dst, chunkHead...)
	}
	return dst
}

// endChunk ends the chunk that b holds.
func (c *stream) endChunk(b []byte) []byte {
	if !c.chunked {
		return b
	}
	const digits = "0123456789abcdef"
	size := len(b) - len(chunkHead)
	for i := len(chunkHead) - 3; i >= 0; i-- {
		b[i] = digits[size&15]
		size >>= 4
	}
	return append(b, "\r\n"...)
}
