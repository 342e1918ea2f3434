package bridge

import (
	"context"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

// An interrupted broker does something while a log is read.
type interrupted struct {
	pubsub.Broker
	meanwhile func()
}

func (i *interrupted) Read(ctx context.Context, c pubsub.Channel, since pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	if f := i.meanwhile; f != nil {
		i.meanwhile = nil
		f()
	}
	return i.Broker.Read(ctx, c, since, limit)
}

// While the log of one channel is read, another, which was live, gets a message into the
// queue and is then purged: its gap comes behind that message.
func TestWhatIsQueuedComesBeforeTheLog(t *testing.T) {
	broker := &interrupted{}
	b := open(t, Options{}, ample, func(inner pubsub.Broker) pubsub.Broker { broker.Broker = inner; return broker })
	c := connect(t, b)
	c.subscribe("live", pubsub.Start{})
	publish(t, b, "late", 1)
	c.subscribe("late", pubsub.Behind(pubsub.Position{}))
	broker.meanwhile = func() {
		publish(t, b, "live", 1)
		if _, err := b.Purge(t.Context(), "live"); err != nil {
			t.Error(err)
		}
	}
	var live []Item
	for _, it := range c.pull() {
		if d, ok := it.(*Delivery); !ok || d.Message.Channel == "live" {
			live = append(live, it)
		}
	}
	if len(live) != 2 {
		t.Fatalf("%d items came of the live channel, want a message and a gap", len(live))
	}
	d, ok := live[0].(*Delivery)
	g, ok2 := live[1].(*Gap)
	if !ok || !ok2 || g.From != d.Message.Pos || g.Reason != pubsub.Purged {
		t.Fatalf("%T and %T came, want a message and the gap behind it", live[0], live[1])
	}
}
