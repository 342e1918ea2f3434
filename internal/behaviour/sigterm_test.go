package behaviour

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// SIGTERM in the midst of traffic: everyone is sent away in order, and what was acknowledged
// before that has reached everyone who kept reading.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	p := run(t, "WSBRIDGE_DRAIN_DELAY=1s", "WSBRIDGE_DRAIN=2s")
	c := pubsub.Channel("orders:1")
	o := raw.Options{Token: p.token(), Cursor: pubsub.Cursor{}.Set(c, p.end(t, c)), Wait: 55 * time.Second}
	lines := make(map[raw.Transport]*line)
	for _, transport := range raw.Transports() {
		lines[transport] = p.join(t, transport, o)
	}
	quiet := p.hold(t, "quiet:1", o.Token)
	until(t, "the poll is held", func() bool { return p.info(t, "quiet:1").Subscribers == 1 })
	acknowledged := p.publishUntilRefused(c)
	until(t, "messages are under way", func() bool { return len(acknowledged) > 100 })

	p.terminate(t)
	until(t, "it says that it is not ready", func() bool {
		return p.do(t, request{path: "/readyz"}).refusal() == "503 draining"
	})
	before := uint64(len(acknowledged))

	var reading sync.WaitGroup
	for transport, l := range lines {
		reading.Go(func() {
			got, err := l.untilItEnds()
			if got < before {
				t.Errorf("%v: it got %d messages, %d were acknowledged before", transport, got, before)
			}
			if transport >= raw.LongPoll {
				return // it went on until nobody answered
			}
			if closed := (*raw.CloseError)(nil); !errors.As(err, &closed) || closed.Code != wire.CloseRestart || closed.Retry <= 0 {
				t.Errorf("%v ended with %v, want 1012 and when to come back", transport, err)
			}
		})
	}
	reading.Wait()
	if a := <-quiet; a.Retry <= 0 || len(a.Messages) > 0 {
		t.Errorf("the poll that was held was answered with retry %v, %d messages", a.Retry, len(a.Messages))
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// One of two instances on a Redis stops while the other goes on: its clients go there, and
// miss nothing.
func TestSIGTERMOfOneInstance(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	stays := instance(t, redis.Addr(), setup{})
	p := run(t, "WSBRIDGE_REDIS_URL=redis://"+redis.Addr(), "WSBRIDGE_DRAIN_DELAY=1s", "WSBRIDGE_DRAIN=2s")
	pair(p.server, stays)
	c := pubsub.Channel("orders:1")
	start := raw.Options{Cursor: pubsub.Cursor{}.Set(c, p.end(t, c)), Wait: 55 * time.Second}
	lines := make(map[raw.Transport]*line)
	for _, transport := range raw.Transports() {
		lines[transport] = p.join(t, transport, start)
	}
	publisher := p.publishAtPace(t, c, 5*time.Millisecond)
	until(t, "messages are under way", func() bool { return publisher.published() > 50 })
	p.terminate(t)

	var reading sync.WaitGroup
	for transport, l := range lines {
		reading.Go(func() {
			got, err := l.untilItEnds()
			if at, _ := l.Cursor().Find(c); at.Pos.Offset != got {
				t.Errorf("%v ended (%v) at %v, its last message was %d", transport, err, at.Pos, got)
			}
		})
	}
	reading.Wait()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	more := publisher.published() + 50
	until(t, "publishes go on", func() bool { return publisher.published() > more })
	publisher.stop()
	for transport, l := range lines {
		at, _ := l.Cursor().Find(c)
		l := stays.join(t, transport, raw.Options{Cursor: l.Cursor()})
		for n := at.Pos.Offset + 1; n <= uint64(publisher.published()); n++ {
			if m := l.message(); m.Pos.Offset != n || string(m.Data.Bytes) != strconv.Itoa(int(n)) {
				t.Fatalf("%v: message %v with %s came, want the %d.", transport, m.Pos, m.Data.Bytes, n)
			}
		}
	}
}

// untilItEnds reads everything and returns the offset of the last message. A gap is an end
// that nobody wants.
func (l *line) untilItEnds() (got uint64, err error) {
	for {
		e, err := l.try()
		switch {
		case err != nil:
			return got, err
		case e.Gap != nil:
			return got, errors.New("a gap came: " + string(e.Gap.Reason))
		case e.Message != nil:
			got = e.Message.Pos.Offset
		}
	}
}

// publishUntilRefused publishes numbers, and gives one for each that was acknowledged.
func (s *server) publishUntilRefused(c pubsub.Channel) chan struct{} {
	acknowledged := make(chan struct{}, 100_000)
	go func() {
		for i := range cap(acknowledged) {
			r, err := s.try(request{
				path:   messagesOf(c),
				body:   strconv.Itoa(i),
				header: []string{"Authorization: Bearer " + apiKey, "Content-Type: application/json"},
			})
			if err != nil || r.status != http.StatusCreated {
				return
			}
			acknowledged <- struct{}{}
			time.Sleep(2 * time.Millisecond)
		}
	}()
	return acknowledged
}

// hold sends a poll that is held, and gives its answer.
func (s *server) hold(t *testing.T, c pubsub.Channel, token string) <-chan wire.Answer {
	answers := make(chan wire.Answer, 1)
	go func() {
		r, err := s.try(request{
			path:   "/v1/poll?wait=55&channels=" + string(c),
			header: []string{"Authorization: Bearer " + token},
			within: time.Minute,
		})
		if err != nil || r.status != http.StatusOK {
			t.Errorf("the poll: %s %v", r.refusal(), err)
		}
		a, err := wire.ParseAnswer(r.body)
		if err != nil {
			t.Errorf("the poll: %v: %s", err, r.body)
		}
		answers <- a
	}()
	return answers
}
