package membroker

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// A subject is a started broker under test, and how tests talk to it.
type subject struct {
	*Broker
	t        testing.TB
	recorder *pubsubtest.Recorder
}

func start(t testing.TB, o Options) *subject {
	t.Helper()
	s := &subject{New(o), t, new(pubsubtest.Recorder)}
	if err := s.Start(t.Context(), s.recorder); err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// keep returns a retention for every channel.
func keep(r pubsub.Retention) func(pubsub.Channel) pubsub.Retention {
	return func(pubsub.Channel) pubsub.Retention { return r }
}

var plenty = pubsub.Retention{Count: 1 << 20, Age: time.Hour, Bytes: 1 << 30}

var all = pubsub.Limit{Messages: 1 << 20}

func (s *subject) publish(c pubsub.Channel) *pubsub.Message {
	s.t.Helper()
	return s.send(pubsubtest.NewPublication(c, "text")).Message
}

func (s *subject) send(p pubsub.Publication) pubsub.Receipt {
	s.t.Helper()
	receipt, err := s.Publish(context.Background(), p)
	if err != nil {
		s.t.Fatalf("Publish: %v", err)
	}
	return receipt
}

func (s *subject) add(c pubsub.Channel, n int) (messages []*pubsub.Message) {
	s.t.Helper()
	for range n {
		messages = append(messages, s.publish(c))
	}
	return messages
}

func (s *subject) read(c pubsub.Channel, since pubsub.Position) pubsub.Page {
	s.t.Helper()
	page, err := s.Read(context.Background(), c, since, all)
	if err != nil {
		s.t.Fatalf("Read: %v", err)
	}
	return page
}

func (s *subject) follow(c pubsub.Channel) pubsub.Position {
	s.t.Helper()
	end, err := s.Follow(context.Background(), c)
	if err != nil {
		s.t.Fatalf("Follow: %v", err)
	}
	return end
}

// gap reads behind p and returns the reason of the gap, empty: none.
func (s *subject) gap(c pubsub.Channel, p pubsub.Position) pubsub.Reason {
	s.t.Helper()
	if gap := s.read(c, p).Gap; gap != nil {
		return gap.Reason
	}
	return ""
}

// known reports whether the broker has a log of c, without prolonging its life.
func (s *subject) known(c pubsub.Channel) bool { return s.shard(c).find(c) != nil }

func same[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

func name(i int) pubsub.Channel { return pubsub.Channel("c" + strconv.Itoa(i)) }

func TestReplicated(t *testing.T) {
	s := start(t, Options{})
	s.follow("a")
	p := pubsubtest.NewPublication("a", "x")
	p.Key, p.Replicated = "k", true
	for _, duplicate := range []bool{false, true} {
		receipt, err := s.Publish(t.Context(), p)
		if !errors.Is(err, pubsub.ErrNotReplicated) {
			t.Errorf("Publish: %v, want %v", err, pubsub.ErrNotReplicated)
		}
		same(t, "duplicate", duplicate, receipt.Duplicate)
		same(t, "the id", p.ID, receipt.Message.ID)
	}
	same(t, "announcements", 1, len(s.recorder.Messages("a")))
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		s := start(t, Options{})
		time.Sleep(time.Minute)
		same(t, "the status", pubsub.Status{State: pubsub.Up, Since: begin}, s.Status())
		s.Close()
		end := time.Now()
		time.Sleep(time.Minute)
		same(t, "the status after Close", pubsub.Status{State: pubsub.Down, Since: end}, s.Status())
	})
}

func TestCloseForgetsAll(t *testing.T) {
	s := start(t, Options{})
	for i := range 1000 {
		s.publish(name(i))
	}
	if s.Used() == 0 {
		t.Error("nothing was counted")
	}
	s.Close()
	same(t, "bytes in use", 0, s.Used())
	if err := s.Start(t.Context(), s.recorder); !errors.Is(err, pubsub.ErrClosed) {
		t.Errorf("Start after Close: %v, want %v", err, pubsub.ErrClosed)
	}
	if _, err := s.Follow(t.Context(), "a"); !errors.Is(err, pubsub.ErrClosed) {
		t.Errorf("Follow after Close: %v, want %v", err, pubsub.ErrClosed)
	}
	same(t, "bytes in use after Close", 0, s.Used())
}
