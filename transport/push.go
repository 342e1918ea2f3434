package transport

import (
	"errors"
	"io"
	"sync"

	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// maxPushes is how many streams a WebSocket is given at once.
const maxPushes = 64

// pushLimit is the reason that a client is told which would be given too many at once.
const pushLimit relay.Reason = "limit"

// pushes are the streams that a WebSocket is given between its messages. A stream is joined
// when the message of its beginning is on its way, so its pieces stand behind that.
type pushes struct {
	relay *relay.Relay
	wake  func(cut bool)

	mu       sync.Mutex                  // taken before the relay's; guards what follows
	channels map[pubsub.Channel]struct{} // whose streams the client asked for
	active   []*push                     // in turns: the first is the next
	closed   bool
}

// A push is one stream on its way to a client.
type push struct {
	channel  pubsub.Channel
	id       string
	consumer *relay.Consumer
}

// follow gives the client the streams of a channel. It reports whether it was not so before.
func (p *pushes) follow(c pubsub.Channel) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, there := p.channels[c]; there {
		return false
	}
	if p.channels == nil {
		p.channels = make(map[pubsub.Channel]struct{}, 1)
	}
	p.channels[c] = struct{}{}
	return true
}

// leave ends the streams of a channel. What is taken of them already is written.
func (p *pushes) leave(c pubsub.Channel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.channels, c)
	rest := p.active[:0]
	for _, one := range p.active {
		if one.channel == c {
			one.consumer.Close()
		} else {
			rest = append(rest, one)
		}
	}
	clear(p.active[len(rest):])
	p.active = rest
}

// begin joins the stream whose beginning m announces. It returns the last frame of one that
// cannot be given.
func (p *pushes) begin(m *pubsub.Message) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, wanted := p.channels[m.Channel]; !wanted || p.closed {
		return nil
	}
	one := &push{channel: m.Channel, id: m.Stream.ID.String()}
	if len(p.active) >= maxPushes {
		return one.last(0, &relay.CutError{Reason: pushLimit})
	}
	var err error
	if one.consumer, err = p.relay.Join(m.Stream.ID, 0, p.wake); err != nil {
		return one.last(0, err)
	}
	p.active = append(p.active, one)
	return nil
}

// next appends the frame of the next piece to dst; it returns dst as it was when there is none.
func (p *pushes) next(dst []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.active) == 0 {
		return dst
	}
	buf := copyBuffers.Get().(*copyBuffer)
	defer copyBuffers.Put(buf)
	for range len(p.active) {
		one := p.active[0]
		n, offset, err := one.consumer.Take(buf[:])
		if err != nil {
			p.active = append(p.active[:0], p.active[1:]...)
			return append(dst, one.last(offset, err)...)
		}
		p.active = append(append(p.active[:0], p.active[1:]...), one)
		if n > 0 {
			return one.frame(dst, &wire.Piece{Offset: offset, Bytes: buf[:n]})
		}
	}
	return dst
}

func (one *push) frame(dst []byte, piece *wire.Piece) []byte {
	s := getScratch()
	defer s.put()
	piece.Channel, piece.ID = one.channel, one.id
	s.b = wire.AppendStreamFrame(s.b, piece)
	return websocket.AppendFrame(dst, websocket.OpBinary, true, false, s.b)
}

// last returns the frame that ends a stream.
func (one *push) last(offset int64, err error) []byte {
	piece := wire.Piece{Offset: offset, State: wire.StateName(pubsub.StreamCut)}
	cut := (*relay.CutError)(nil)
	switch {
	case err == io.EOF:
		piece.State = wire.StateName(pubsub.StreamComplete)
	case errors.As(err, &cut):
		piece.Reason = string(cut.Reason)
	case errors.Is(err, relay.ErrFull):
		piece.Reason = string(pushLimit)
	case errors.Is(err, relay.ErrUnknown), errors.Is(err, relay.ErrBeyond):
		piece.Reason = string(relay.Gone)
	default:
		piece.Reason = string(relay.Unavailable)
	}
	return one.frame(nil, &piece)
}

// close ends all. Nothing begins any more.
func (p *pushes) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, one := range p.active {
		one.consumer.Close()
	}
	p.active = nil
}

// followStreams lets a client that asks for them have the streams of a channel. undo takes it
// back, for when it cannot be subscribed.
func (c *socket) followStreams(name pubsub.Channel) (undo func(), err error) {
	r := c.server.options.Relay
	if r == nil {
		return nil, problem.New(problem.NotSupported, "this server has no streams")
	}
	p := c.pushes.Load()
	if p == nil {
		p = &pushes{relay: r, wake: func(bool) { c.Wake() }}
		c.pushes.Store(p)
		if c.isGone() {
			p.close() // the end came too early to see it
		}
	}
	if p.follow(name) {
		return func() { p.leave(name) }, nil
	}
	return func() {}, nil
}

// leaveStreams ends the streams of a channel.
func (c *socket) leaveStreams(name pubsub.Channel) {
	if p := c.pushes.Load(); p != nil {
		p.leave(name)
	}
}

// beginPush joins a stream that is announced. It returns what stands behind the announcement,
// if anything.
func (c *socket) beginPush(m *pubsub.Message) []byte {
	p := c.pushes.Load()
	if p == nil || m.Stream.State != pubsub.StreamBegins {
		return nil
	}
	return p.begin(m)
}

// idle implements [talker]: it writes a piece of a stream. Messages go first.
func (c *socket) idle(b *batch) outcome {
	p := c.pushes.Load()
	if p == nil {
		return resting
	}
	b.bytes = p.next(b.bytes[:0])
	if len(b.bytes) == 0 {
		return resting
	}
	return max(unfinished, c.put(b.bytes))
}
