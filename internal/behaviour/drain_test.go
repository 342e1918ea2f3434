package behaviour

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// drainWindow is long enough for all of a script to happen in it.
const drainWindow = 500 * time.Millisecond

// drain begins to send all clients elsewhere. Before the test is over, all of them are gone.
func (s *server) drain(t *testing.T) {
	t.Helper()
	drained := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		drained <- s.transport.Drain(ctx, drainWindow)
	}()
	t.Cleanup(func() {
		if err := <-drained; err != nil {
			t.Errorf("drain: %v", err)
		}
	})
	until(t, "the server drains", s.transport.Draining)
}

// sentAway reads until the server sends the client elsewhere, and tells when to come back.
// Lines are closed; polls are answered, and so they go on.
func (l *line) sentAway(transport raw.Transport, got func(*pubsub.Message)) time.Duration {
	l.t.Helper()
	for {
		e, err := l.try()
		switch closed := (*raw.CloseError)(nil); {
		case errors.As(err, &closed) && closed.Code == wire.CloseRestart && transport < raw.LongPoll:
			if want := wire.CloseReason(closed.Code, closed.Retry); transport == raw.WebSocket && closed.Reason != want {
				l.t.Errorf("the reason is %q, want %q", closed.Reason, want)
			}
			return closed.Retry
		case err != nil:
			l.t.Fatalf("the line ended: %v", err)
		case e.Message != nil:
			got(e.Message)
		case e.Type == raw.Heartbeat && e.Retry > 0:
			return e.Retry
		case e.Type != raw.Heartbeat:
			l.t.Fatalf("%s came (%s)", e.Type, e.Code)
		}
	}
}

func TestDraining(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		each(t, func(t *testing.T, transport raw.Transport) {
			s := start(t, setup{})
			j := s.journal(t, named(t, "orders"))
			j.write(t, 2)
			l := s.join(t, transport, raw.Options{Cursor: j.behind(2), Wait: 55 * time.Second})
			s.park(t, l, transport, j.channel)
			s.drain(t)
			retry := l.sentAway(transport, func(m *pubsub.Message) { t.Errorf("message %v came", m.Pos) })
			if retry <= 0 || retry > time.Second {
				t.Errorf("the client may come back after %v", retry)
			}
			l.Close()

			// What is asked for here is still answered, and who wants to stay is refused.
			if r := s.do(t, request{path: "/readyz"}); r.refusal() != "503 draining" || r.header.Get("Retry-After") == "" {
				t.Errorf("readyz: %s, Retry-After %q", r.refusal(), r.header.Get("Retry-After"))
			}
			if r := s.do(t, request{path: "/healthz"}); r.status != http.StatusOK {
				t.Errorf("healthz: %s", r.refusal())
			}
			j.write(t, 1)
			_, e := s.send(t, wire.Command{Type: wire.Publish, Ref: "1", Token: s.token(), Channel: j.channel, Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte("4")}})
			answered(t, "publish", e, "ok")
			j.at = append(j.at, e.Pos)
			for _, path := range []string{"/v1/poll?wait=55&cursor=" + j.behind(4).String(), "/v1/poll?wait=0&cursor=" + l.Cursor().String()} {
				r := s.do(t, request{path: path, header: []string{"Authorization: Bearer " + s.token()}})
				a, err := wire.ParseAnswer(r.body)
				if err != nil || r.status != http.StatusOK || a.Retry <= 0 {
					t.Errorf("%s: %s, %v, retry %v", path, r.refusal(), err, a.Retry)
				}
				for i, m := range a.Messages {
					j.is(t, m, 3+i)
				}
				if at, _ := a.Cursor.Find(j.channel); at.Pos != j.at[4] {
					t.Errorf("%s: the cursor is %v", path, a.Cursor)
				}
			}
			if transport < raw.LongPoll {
				_, err := s.open(transport, raw.Options{Token: s.token(), Cursor: l.Cursor()})
				if refused := (refusal{status: 503, code: "draining"}).isOf(t, err); refused.RetryAfter <= 0 {
					t.Errorf("a new client is not told when to come back")
				}
			}
			until(t, "the end is counted", func() bool {
				return transport == raw.Poll || s.counts.of(closedWith(transport.String(), int(wire.CloseRestart))) > 0
			})
		})
	})
}

// In the midst of messages, nothing that was acknowledged is lost: what did not come on the
// line comes behind its cursor.
func TestDrainingLosesNothing(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		each(t, func(t *testing.T, transport raw.Transport) {
			s := start(t, setup{})
			c := named(t, "orders")
			l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{c}})
			p := s.publishAtPace(t, c, time.Millisecond)
			n := 0
			got := func(m *pubsub.Message) {
				if n++; string(m.Data.Bytes) != strconv.Itoa(n) {
					t.Fatalf("%s came, want %d", m.Data.Bytes, n)
				}
			}
			for range 50 {
				got(l.message())
			}
			s.drain(t)
			l.sentAway(transport, got)
			cursor := l.Cursor()
			l.Close()
			after := p.published() + 50
			until(t, "publishes are still answered", func() bool { return p.published() > after })
			p.stop()
			rest := s.join(t, raw.Poll, raw.Options{Cursor: cursor, Limit: 1000})
			for n < p.published() {
				got(rest.message())
			}
			rest.Close()
		})
	})
}

// The embedded broker forgets with its process: whoever comes to the next one is told so
// once, and given what that has.
func TestARestartIsAGap(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, transport raw.Transport) {
		before, after := start(t, setup{}), start(t, setup{})
		old := before.journal(t, named(t, "orders"))
		l := before.join(t, transport, raw.Options{Cursor: old.behind(0)})
		old.follow(t, l, 0)
		before.drain(t)
		l.sentAway(transport, func(m *pubsub.Message) { t.Errorf("message %v came", m.Pos) })
		l.Close()

		j := after.journal(t, old.channel)
		j.write(t, 3)
		l = after.join(t, transport, raw.Options{Cursor: l.Cursor()})
		l.gap(pubsub.Gap{Channel: j.channel, Reason: pubsub.Replaced, From: old.at[1], To: j.at[0]})
		j.follow(t, l, 0)
		l = after.join(t, transport, raw.Options{Cursor: l.Cursor()})
		j.follow(t, l, j.last())
	})
}
