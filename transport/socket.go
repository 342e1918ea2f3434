package transport

import (
	"sync"
	"sync/atomic"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A socket is a connected WebSocket. Its reader's goroutine obeys commands, one after the
// other, and queues the answers between the messages; outbox.go writes what is queued.
// Nothing here waits for bytes.
type socket struct {
	session
	conn     *websocket.Conn
	deflated bool     // takes deflated frames
	room     doorbell // rung when the queue got shorter

	// Owned by the reader's goroutine.
	hello hello // what the request showed

	// Owned by the wheel's goroutine.
	silent int // heartbeats that were sent since the client was heard

	anonymous atomic.Bool // greeted, and its token is still awaited
	heard     atomic.Bool // since the last heartbeat

	mu      sync.Mutex // guards what follows; no other lock is taken while it is held
	obeying bool       // a command is under way, whose answer comes before the end
	pumping bool       // a goroutine writes
	again   bool       // it was woken meanwhile
	gone    bool       // the connection is over
}

// maxQueued is how many bytes of answers and messages may wait for the client while its next
// command is obeyed. One that sends and does not read is not read from either.
const maxQueued = 256 << 10

func (c *socket) waitForRoom() {
	for c.client.Queued() > maxQueued && c.ending.Load() == nil {
		select {
		case <-c.room:
		case <-c.conn.Done():
			return
		}
	}
}

// onText obeys a command.
func (c *socket) onText(text []byte) {
	command, err := wire.ParseCommand(text)
	c.onCommand(&command, err)
}

// onBinary obeys a publish with its payload.
func (c *socket) onBinary(frame []byte) {
	command, err := wire.ParseBinaryCommand(frame)
	c.onCommand(&command, err)
}

func (c *socket) onCommand(command *wire.Command, bad *wire.CommandError) {
	c.setObeying(true)
	defer c.setObeying(false)
	if c.ending.Load() != nil {
		return // what it wants now is another connection's
	}
	var err error
	if bad != nil {
		err = bad
	} else {
		err = c.obey(command)
	}
	if err != nil {
		c.fail(command.Ref, err)
	}
}

// reply queues an answer.
func (c *socket) reply(write func([]byte) []byte) { c.client.Reply(textFrame(write)) }

// fail answers a command with an error. The connection lives on.
func (c *socket) fail(ref wire.Ref, err error) {
	p := refusal(err)
	if p.Code == problem.Internal {
		c.server.options.Logger.Error("command failed", "transport", webSocket, "error", err)
	}
	c.reply(func(b []byte) []byte { return wire.AppendError(b, ref, string(p.Code), p.Detail, p.Channel) })
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
		c.conn.CloseNow()
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
