package behaviour

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

// A line is a client's, held to the letter of the protocol by package client.
type line struct {
	t testing.TB
	*raw.Line
	early []raw.Event // came before the last channel was subscribed
	note  bool        // what comes is held against the metrics in the end
}

// join opens a line and waits until it is subscribed to everything that o asks for. Tokens
// that name channels need them in o as well.
func (s *server) join(t testing.TB, transport raw.Transport, o raw.Options) *line {
	t.Helper()
	if o.Token == "" {
		o.Token = s.token()
	}
	l, err := s.open(transport, o)
	if err != nil {
		t.Fatalf("%v: %v", transport, err)
	}
	t.Cleanup(func() { l.CloseNow() })
	joined := &line{t: t, Line: l, note: s.counts != nil}
	if e := joined.event(); e.Type != raw.Welcome {
		t.Fatalf("first came %s (%s %s)", e.Type, e.Code, e.Detail)
	}
	left := len(o.Channels)
	if left == 0 {
		left = len(o.Cursor)
	}
	for transport == raw.WebSocket && left > 0 {
		switch e := joined.event(); e.Type {
		case raw.Subscribed:
			left--
		default:
			joined.early = append(joined.early, e)
		}
	}
	return joined
}

// open opens a line, with the interval of a script for polls.
func (s *server) open(transport raw.Transport, o raw.Options) (*raw.Line, error) {
	o.URL, o.Transport = s.url, transport
	if o.Interval == 0 {
		o.Interval = interval
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return raw.Open(ctx, o)
}

// event waits for anything at all.
func (l *line) event() raw.Event {
	l.t.Helper()
	e, err := l.try()
	if err != nil {
		l.t.Fatalf("the line ended: %v", err)
	}
	return e
}

func (l *line) try() (raw.Event, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	e, err := l.Next(ctx)
	if l.note {
		caused.note(e, err)
	}
	return e, err
}

// next waits for what is not a heartbeat.
func (l *line) next() raw.Event {
	l.t.Helper()
	if len(l.early) > 0 {
		e := l.early[0]
		l.early = l.early[1:]
		return e
	}
	for end := time.Now().Add(patience); ; {
		if e := l.event(); e.Type != raw.Heartbeat {
			return e
		}
		if time.Now().After(end) {
			l.t.Fatalf("nothing but heartbeats came for %v", patience)
		}
	}
}

func (l *line) message() *pubsub.Message {
	l.t.Helper()
	e := l.next()
	switch {
	case e.Gap != nil:
		l.t.Fatalf("a gap came (%s, %v to %v), want a message", e.Gap.Reason, e.Gap.From, e.Gap.To)
	case e.Message == nil:
		l.t.Fatalf("%s came (%s %s), want a message", e.Type, e.Code, e.Detail)
	}
	return e.Message
}

func (l *line) gap(want pubsub.Gap) {
	l.t.Helper()
	e := l.next()
	switch {
	case e.Message != nil:
		l.t.Fatalf("message %v came, want a gap", e.Message.Pos)
	case e.Gap == nil:
		l.t.Fatalf("%s came (%s %s), want a gap", e.Type, e.Code, e.Detail)
	}
	if diff := cmp.Diff(want, *e.Gap); diff != "" {
		l.t.Fatalf("the gap is another (-want +got):\n%s", diff)
	}
}

// ended waits until the line is over and says nothing but heartbeats before.
func (l *line) ended() error {
	l.t.Helper()
	for {
		e, err := l.try()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			l.t.Fatalf("the line goes on after %v", patience)
		case err != nil:
			return err
		case e.Type != raw.Heartbeat:
			l.t.Fatalf("%s came, want the end of the line", e.Type)
		}
	}
}

// park waits until a line that was just joined, and to whom nothing is to be said, stands
// at its channel. One that polls plainly comes and goes.
func (s *server) park(t testing.TB, l *line, transport raw.Transport, c pubsub.Channel) {
	t.Helper()
	if transport == raw.Poll {
		return
	}
	if transport == raw.LongPoll {
		// The first poll is never held; the next comes when its answer was taken.
		if e := l.event(); e.Type != raw.Heartbeat {
			t.Fatalf("the first poll was answered with %s", e.Type)
		}
	}
	until(t, "the subscriber is there", func() bool { return s.info(t, c).Subscribers > 0 })
}

// A journal is a channel's log as its only publisher knows it: the data of the n-th message
// is the number n.
type journal struct {
	*server
	channel pubsub.Channel
	at      []pubsub.Position // at[n] is behind the n-th message
}

func (s *server) journal(t testing.TB, c pubsub.Channel) *journal {
	t.Helper()
	return &journal{s, c, []pubsub.Position{s.end(t, c)}}
}

// write publishes n messages.
func (j *journal) write(t testing.TB, n int) {
	t.Helper()
	for range n {
		j.at = append(j.at, j.publish(t, j.channel, strconv.Itoa(len(j.at))))
	}
}

// last is the number of the newest message.
func (j *journal) last() int { return len(j.at) - 1 }

// behind is the cursor of a client that has seen n messages.
func (j *journal) behind(n int) pubsub.Cursor { return pubsub.Cursor{}.Set(j.channel, j.at[n]) }

// follow reads the messages behind the n-th up to the newest, and then one that is only
// published now: so nothing else comes.
func (j *journal) follow(t testing.TB, l *line, n int) {
	t.Helper()
	for n++; n <= j.last(); n++ {
		j.is(t, l.message(), n)
	}
	j.write(t, 1)
	j.is(t, l.message(), n)
}

// is checks that m is the n-th message.
func (j *journal) is(t testing.TB, m *pubsub.Message, n int) {
	t.Helper()
	if m.Channel != j.channel || m.Pos != j.at[n] || string(m.Data.Bytes) != strconv.Itoa(n) {
		t.Fatalf("message %v of %s with %s came, want the %d. at %v of %s", m.Pos, m.Channel, m.Data.Bytes, n, j.at[n], j.channel)
	}
}
