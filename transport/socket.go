package transport

import (
	"sync/atomic"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A socket is a connected WebSocket. While nothing happens it is this struct and nothing else:
// no goroutine waits for it.
//
// It has two halves that know little of each other. The inlet (inlet.go) belongs to whoever
// was given bytes by the poller: commands are obeyed one after the other, by a worker, which
// gives the inlet back in the end. The outlet (outlet.go) belongs to the pump, or to a worker
// that reads logs.
type socket struct {
	outlet

	// Owned by who has the inlet.
	in    websocket.Assembler
	spent spending
	hello *hello // what the request showed; nil once connected
	named bool   // the client has named itself
	deaf  bool   // what comes is dropped: the peer has said goodbye, or was sent away for what it sent

	deflated bool  // takes deflated frames
	silent   uint8 // heartbeats that were sent since the client was heard; owned by the wheel's goroutine

	anonymous atomic.Bool // greeted, and its token is still awaited
	heard     atomic.Bool // since the last heartbeat

	pushes atomic.Pointer[pushes]   // nil: no streams were asked for
	answer atomic.Pointer[closing]  // how the line ends because of what the peer sent
	room   atomic.Pointer[doorbell] // rung when the queue got shorter; nil: nobody waits for that
}

// A closing is a close frame that answers what the peer sent.
type closing struct {
	code   websocket.StatusCode
	reason string
}

// part answers what the peer sent with a close frame, in front of all that waits.
func (c *socket) part(code websocket.StatusCode, reason string) {
	c.deaf = true
	c.answer.Store(&closing{code, reason})
	c.finishWithin(hurryTimeout, wire.CloseCode(code))
	c.Wake()
}

// Gone implements [netpoll.Handler]: the peer has closed its end, or the line broke.
func (c *socket) Gone(error) {
	code := closeAbnormal
	if a := c.answer.Load(); a != nil {
		code = wire.CloseCode(a.code)
	}
	c.finish(code)
}

// parting implements [talker].
func (c *socket) parting(b *batch) ([]byte, bool) {
	a := c.answer.Load()
	if a == nil {
		return nil, false
	}
	return closeFrame(b, a.code, a.reason), true
}

// farewell implements [talker].
func (c *socket) farewell(b *batch, e ending) []byte {
	return closeFrame(b, websocket.StatusCode(e.code), wire.CloseReason(e.code, e.retry))
}

func closeFrame(b *batch, code websocket.StatusCode, reason string) []byte {
	var payload [125]byte
	b.bytes = websocket.AppendFrame(b.bytes[:0], websocket.OpClose, true, false, websocket.AppendClosePayload(payload[:0], code, reason))
	return b.bytes
}

// parted implements [talker]: a peer that was sent away has a moment to answer; one that spoke
// first, or broke the protocol, closes the connection now.
func (c *socket) parted() {
	if a := c.answer.Load(); a != nil {
		c.letGo(wire.CloseCode(a.code))
	}
}

// ended implements [talker].
func (c *socket) ended() {
	c.ring()
	if p := c.pushes.Load(); p != nil {
		p.close()
	}
}

// ring tells who waits for room in the queue.
func (c *socket) ring() {
	if room := c.room.Load(); room != nil {
		room.ring()
	}
}

// gatherBytes is up to what length a frame is copied to others: that is cheaper than a call of
// the system.
const gatherBytes = 16 << 10

// encode implements [talker].
func (c *socket) encode(b *batch) outcome {
	how := resting
	if len(b.items) > 1 && (b.run.is(b.items, c.deflated) || b.run.take(b.items, c.deflated)) {
		b.run.count(&b.tally, c.since())
		c.ring()
		return c.put(b.run.bytes)
	}
	for i, it := range b.items {
		f := c.frame(it, b)
		if i == len(b.items)-1 && len(b.bytes) == 0 || len(f) > gatherBytes {
			how = max(how, c.put(b.bytes), c.put(f))
			b.bytes = b.bytes[:0]
			continue
		}
		if b.bytes = append(b.bytes, f...); len(b.bytes) >= batchBytes {
			how = max(how, c.put(b.bytes))
			b.bytes = b.bytes[:0]
		}
	}
	if len(b.items) > 0 {
		c.ring()
	}
	return how
}

// frame returns an item as it goes over the line, which may stand in b.frame.
func (c *socket) frame(it bridge.Item, b *batch) []byte {
	switch it := it.(type) {
	case *bridge.Delivery:
		b.tally.add(it.Message, c.since())
		f := frameOf(it, c.deflated, &b.frame)
		if it.Message.Stream != nil {
			f = append(f[:len(f):len(f)], c.beginPush(it.Message)...)
		}
		return f
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

// refuse answers a client that is not let in, and ends the connection. It may be called from
// any goroutine.
func (c *socket) refuse(ref wire.Ref, err error) {
	if c.ending.Load() != nil {
		return // the connection ended first, and that is why
	}
	p := refusal(err)
	c.server.options.Observer.Refused(webSocket, string(p.Code))
	c.fail(ref, err)
	c.end(ending{closeCode(p), p.RetryAfter})
}

// maxSilent is how many heartbeats may go unanswered.
const maxSilent = 2

// heartbeatFrames is a heartbeat for programs, which do not see pings, and a ping for the
// peer's codec, which must answer (RFC 6455, section 5.5.3).
var heartbeatFrames = websocket.AppendFrame(textFrame(func(b []byte) []byte {
	return append(b, wire.HeartbeatEvent...)
}), websocket.OpPing, true, false, nil)

// tick sends a heartbeat and looks whether the client is alive, on the wheel's goroutine.
func (c *socket) tick() {
	if c.anonymous.Load() {
		c.refuse("", problem.New(problem.Unauthorized, "no connect came within %v", connectTimeout))
		return
	}
	if c.heard.Swap(false) {
		c.silent = 0
	} else if c.silent++; c.silent > maxSilent {
		c.finish(closeAbnormal)
		return
	}
	// While other things wait, they show that the line is alive, and a ping would stand behind
	// them; a write that gets nowhere has its own limit.
	if c.client.Queued() == 0 {
		c.client.Reply(heartbeatFrames)
	} else {
		c.silent = 0
	}
	c.rest()
}
