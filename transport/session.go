package transport

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/internal/wheel"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// How much a consumer takes and writes at once: enough to fill a few segments of TCP, and
// little enough that a slow client shows that it goes on.
const (
	batchMessages = 256
	batchBytes    = 64 << 10
)

// writeTimeout is how long one write may get nowhere, on any transport.
const writeTimeout = 30 * time.Second

// hurryTimeout is how long a client that was stopped may take for the write under way.
const hurryTimeout = 3 * time.Second

// A session is what all connected clients have in common, a poll for the time that it is
// held included.
type session struct {
	server    *Server
	transport string
	from      netip.Addr
	opened    time.Duration // by the server's clock
	client    *bridge.Client

	consumer consumer // set once before the session is entered

	// Owned by the goroutine that obeys the client.
	principal principal
	name      string // of the client
	counted   bool   // as opened
	placed    bool   // it has the place to give back; others' handlers do that

	left atomic.Bool // the connection is over

	expiry *wheel.Entry           // nil: never yet
	beat   wheel.Entry            // heartbeat, or the end of a poll's wait
	ending atomic.Pointer[ending] // set once
}

// A consumer is the session of one transport. Its methods do not block.
type consumer interface {
	// Wake makes it look at what is to be pulled, at ending, and at its own flags. Stopped ends
	// the session: the client does not keep up.
	bridge.Consumer

	// cut frees it from a write that blocks.
	cut()
}

// begin ties a session to the server.
func (c *session) begin(s *Server, transport string, from netip.Addr, who consumer) {
	c.server, c.transport, c.from, c.opened, c.consumer = s, transport, from, s.clock(), who
	c.client = s.bridge.Connect(who)
}

// identify makes the client somebody, until its token expires.
func (c *session) identify(id Identity) {
	c.principal = id.principal()
	if id.Expires.IsZero() {
		if c.expiry != nil {
			c.server.wheel.Stop(c.expiry)
		}
		return
	}
	if c.expiry == nil {
		c.expiry = &wheel.Entry{Func: func() { c.end(ending{code: wire.CloseTokenExpired}) }}
	}
	c.server.wheel.Schedule(c.expiry, time.Until(id.Expires))
}

// enter puts the session among those of the server, and reports false when that was closed.
// Drain sends away who is there when it begins; whoever comes behind it is sent away here.
func (c *session) enter() bool {
	if !c.server.sessions.add(c) {
		return false
	}
	if window := c.server.sessions.leaving(); window > 0 {
		c.end(ending{wire.CloseRestart, jitter(window)})
	}
	return true
}

// accept counts the session, which was let in.
func (c *session) accept() {
	c.counted = true
	c.server.options.Observer.Opened(c.transport)
}

// end makes the consumer end the connection. Only the first call counts.
func (c *session) end(e ending) {
	if c.ending.CompareAndSwap(nil, &e) {
		c.consumer.Wake()
	}
}

// rest schedules the next beat, on the wheel's goroutine. The session may leave at the same
// time, and finds nothing to stop then; so this looks once more.
func (c *session) rest() {
	c.server.wheel.Schedule(&c.beat, c.server.options.Heartbeat)
	if c.left.Load() {
		c.server.wheel.Stop(&c.beat)
	}
}

// failed notes why a write failed: a client that took nothing for so long was too slow.
func (c *session) failed(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.end(endingOf(bridge.ErrTooSlow))
	}
}

// leave ends the session when its connection is over. code is how, unless the server ended it.
func (c *session) leave(code wire.CloseCode) {
	c.left.Store(true)
	if c.expiry != nil {
		c.server.wheel.Stop(c.expiry)
	}
	c.server.wheel.Stop(&c.beat)
	c.client.Close()
	c.server.sessions.remove(c)
	c.vacate()
	if !c.counted {
		return
	}
	if e := c.ending.Load(); e != nil {
		code = e.code
	}
	c.server.options.Observer.Closed(c.transport, int(code))

	level := slog.LevelDebug
	switch code {
	case wire.CloseTooSlow, wire.CloseUnavailable, closeInternal:
		level = slog.LevelInfo
	}
	c.server.options.Logger.LogAttrs(context.Background(), level, "connection ended",
		slog.String("transport", c.transport),
		slog.Int("code", int(code)),
		slog.String("reason", code.String()),
		slog.Duration("duration", c.server.clock()-c.opened),
		slog.String("user", c.principal.user),
		slog.String("client", c.name),
		slog.String("ip", c.from.String()))
}

// vacate gives the place back that the session has.
func (c *session) vacate() {
	if c.placed {
		c.placed = false
		c.server.release(c.from)
	}
}

// join subscribes to all of marks and returns the cursor from which the client goes on.
func (c *session) join(ctx context.Context, marks pubsub.Cursor) (pubsub.Cursor, error) {
	cursor, err := c.client.SubscribeAll(ctx, marks, nil)
	if err != nil {
		return nil, subscribeRefusal(err).In(marks[len(cursor)].Channel)
	}
	return cursor, nil
}

// since is when the client came, or asked last: what was published before says nothing of latency.
func (c *session) since() time.Time { return c.server.born.Add(c.opened) }

// delivered counts what one write carried.
func (c *session) delivered(t tally) {
	if t.messages > 0 {
		c.server.options.Observer.Delivered(c.transport, t.messages, t.oldest)
	}
}

// A tally counts the messages of one write.
type tally struct {
	messages int
	oldest   time.Time // of those published since the client connected; those before say nothing of latency
}

func (t *tally) add(m *pubsub.Message, since time.Time) {
	t.messages++
	if !m.Time.Before(since) && (t.oldest.IsZero() || m.Time.Before(t.oldest)) {
		t.oldest = m.Time
	}
}

// A doorbell wakes a handler that waits. Rings that nobody waits for yet become one.
type doorbell chan struct{}

func newDoorbell() doorbell { return make(doorbell, 1) }

func (b doorbell) ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}
