package transport

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/internal/wheel"
	"github.com/wsbridge/wsbridge/transport/internal/netpoll"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A socket is a connected WebSocket. While nothing happens it is this struct and nothing else:
// no goroutine waits for it.
//
// It has two halves that know little of each other. The inlet (inlet.go) belongs to whoever
// was given bytes by the poller: commands are obeyed one after the other, by a worker, which
// gives the inlet back in the end. The outlet (outbox.go) belongs to whoever set pumping: the
// pump, or a worker that reads logs.
type socket struct {
	session
	line     netpoll.Conn
	pump     *pump
	deflated bool // takes deflated frames

	// Owned by who has the inlet.
	in    websocket.Assembler
	spent spending
	hello *hello // what the request showed; nil once connected
	named bool   // the client has named itself
	deaf  bool   // what comes is dropped: the peer has said goodbye, or was sent away for what it sent

	// Owned by who has the outlet.
	unsent []byte       // what there was no room for
	stall  *wheel.Entry // fires when there was no room for too long; nil: there is room

	// Owned by the wheel's goroutine.
	silent int // heartbeats that were sent since the client was heard

	anonymous atomic.Bool // greeted, and its token is still awaited
	heard     atomic.Bool // since the last heartbeat

	mu        sync.Mutex // guards what follows; no other lock is taken while it is held
	obeying   bool       // a command is under way, whose answer comes before the end
	pumping   bool       // somebody has the outlet
	again     bool       // it was woken meanwhile
	blocked   bool       // the outlet waits for room
	roomy     bool       // there was room again before the outlet waited for it
	closeSent bool
	gone      bool // it has ended; code is how
	code      wire.CloseCode
	parting   *parting     // how it ends because of what the peer sent
	room      doorbell     // rung when the queue got shorter; nil: nobody waits for that
	timer     *wheel.Entry // ends the connection if nothing else does
}

// A parting is a close frame that answers what the peer sent.
type parting struct {
	code   websocket.StatusCode
	reason string
}

// finish ends the connection at once. Only the first call counts. code is how, unless the server
// has ended it.
func (c *socket) finish(code wire.CloseCode) {
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return
	}
	c.gone, c.code = true, code
	obeying, timer := c.obeying, c.timer
	if c.room != nil {
		c.room.ring()
	}
	c.mu.Unlock()
	c.line.Close()
	if timer != nil {
		c.server.wheel.Stop(timer)
	}
	if !obeying { // else endObeying does it, since identity and name are not ours
		c.leave(code)
	}
}

// finishWithin ends the connection if that has not happened by then.
func (c *socket) finishWithin(d time.Duration, code wire.CloseCode) {
	timer := &wheel.Entry{Func: func() { c.finish(code) }}
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return
	}
	before := c.timer
	c.timer = timer
	c.mu.Unlock()
	if before != nil {
		c.server.wheel.Stop(before)
	}
	c.server.wheel.Schedule(timer, d)
	if c.left.Load() {
		c.server.wheel.Stop(timer)
	}
}

// part answers what the peer sent with a close frame, in front of all that waits, and then
// lets the peer close first, for a short time.
func (c *socket) part(code websocket.StatusCode, reason string) {
	c.deaf = true
	c.mu.Lock()
	c.parting = &parting{code, reason}
	c.mu.Unlock()
	c.finishWithin(hurryTimeout, wire.CloseCode(code))
	c.Wake()
}

// Gone implements [netpoll.Handler]: the peer has closed its end, or the line broke.
func (c *socket) Gone(error) {
	code := closeAbnormal
	c.mu.Lock()
	if c.parting != nil {
		code = wire.CloseCode(c.parting.code)
	}
	c.mu.Unlock()
	c.finish(code)
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
