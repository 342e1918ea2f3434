package redisbroker

import (
	"context"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// A subject is a started broker under test, and how tests talk to it.
type subject struct {
	*Broker
	t        testing.TB
	recorder *pubsubtest.Recorder
}

// start starts a broker on a server, or as the options say.
func start(t testing.TB, server *redistest.Server, change ...func(*Options)) *subject {
	t.Helper()
	var o Options
	if server != nil {
		o.Addrs = []string{server.Addr()}
	}
	for _, f := range change {
		f(&o)
	}
	b, err := New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	s := &subject{b, t, new(pubsubtest.Recorder)}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if err := b.Start(t.Context(), s.recorder); err != nil {
		t.Fatalf("Start: %v", err)
	}
	return s
}

// onCluster are the options of a broker on a Cluster.
func onCluster(c *redistest.Cluster) func(*Options) {
	return func(o *Options) { o.Addrs, o.Cluster = c.Addrs(), true }
}

func (s *subject) publish(p pubsub.Publication) pubsub.Receipt {
	s.t.Helper()
	receipt, err := s.Publish(context.Background(), p)
	if err != nil {
		s.t.Fatalf("Publish: %v", err)
	}
	return receipt
}

func (s *subject) send(c pubsub.Channel, text string) *pubsub.Message {
	s.t.Helper()
	return s.publish(pubsubtest.NewPublication(c, text)).Message
}

// log returns everything that the log of c keeps.
func (s *subject) log(c pubsub.Channel) (messages []*pubsub.Message) {
	s.t.Helper()
	for at := (pubsub.Position{}); ; {
		page, err := s.Read(context.Background(), c, at, pubsub.Limit{Messages: 1000, Bytes: 1 << 20})
		if err != nil {
			s.t.Fatalf("Read: %v", err)
		}
		messages = append(messages, page.Messages...)
		if at = page.Last(); !page.More {
			return messages
		}
	}
}

// until waits for a condition.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(pubsubtest.Patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain for %s", pubsubtest.Patience, what)
		}
	}
}
