package bridge

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open starts a bridge on an embedded broker; around, if not nil, wraps the broker.
func open(t testing.TB, o Options, retention pubsub.Retention, around func(pubsub.Broker) pubsub.Broker) *Bridge {
	t.Helper()
	var broker pubsub.Broker = membroker.New(membroker.Options{
		Retention: func(pubsub.Channel) pubsub.Retention { return retention },
	})
	if around != nil {
		broker = around(broker)
	}
	b := New(broker, o)
	if err := b.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// publish appends one message of n bytes and returns it.
func publish(t testing.TB, b *Bridge, name pubsub.Channel, n int) *pubsub.Message {
	t.Helper()
	r, err := b.Publish(context.Background(), pubsub.Publication{
		Channel: name,
		Data:    pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, n)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.Message
}

// front returns the position in front of the first message of a log.
func front(first *pubsub.Message) pubsub.Position {
	return pubsub.Position{Epoch: first.Pos.Epoch}
}

// A consumer is a client with its wake-ups counted in a channel.
type consumer struct {
	*Client
	t     testing.TB
	woken chan struct{}
	cause chan error
}

func connect(t testing.TB, b *Bridge) *consumer {
	c := &consumer{t: t, woken: make(chan struct{}, 1), cause: make(chan error, 1)}
	c.Client = b.Connect(c)
	t.Cleanup(c.Close)
	return c
}

func (c *consumer) Wake()             { c.woken <- struct{}{} }
func (c *consumer) Stopped(err error) { c.cause <- err }

// A wakeUp is a consumer that does not want to know when its client was stopped.
type wakeUp func()

func (w wakeUp) Wake()         { w() }
func (w wakeUp) Stopped(error) {}

func (c *consumer) subscribe(name pubsub.Channel, start pubsub.Start) pubsub.Position {
	c.t.Helper()
	pos, err := c.Subscribe(context.Background(), name, start, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return pos
}

// pull takes everything that is there.
func (c *consumer) pull() []Item {
	c.t.Helper()
	select {
	case <-c.woken:
	default:
	}
	var all []Item
	for {
		n := len(all)
		var err error
		if all, err = c.Pull(context.Background(), all, Limit{Messages: 1000, Bytes: 1 << 30}); err != nil {
			c.t.Fatal(err)
		}
		if len(all) == n {
			return all
		}
	}
}

// offsets returns the offsets of the messages among items; a gap is 0.
func offsets(items []Item) []uint64 {
	var got []uint64
	for _, it := range items {
		switch it := it.(type) {
		case *Delivery:
			got = append(got, it.Message.Pos.Offset)
		case *Gap:
			got = append(got, 0)
		}
	}
	return got
}

var ample = pubsub.Retention{Count: 10_000, Age: time.Hour, Bytes: 64 << 20}
