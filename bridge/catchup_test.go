package bridge

import (
	"context"
	"slices"
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

// The same for a channel that is subscribed while the log of another one is read.
func TestAConfirmationComesBeforeTheLog(t *testing.T) {
	broker := &interrupted{}
	b := open(t, Options{}, ample, func(inner pubsub.Broker) pubsub.Broker { broker.Broker = inner; return broker })
	publish(t, b, "slow", 1)
	publish(t, b, "c", 1)
	c := connect(t, b)
	c.subscribe("slow", pubsub.Behind(pubsub.Position{}))
	broker.meanwhile = func() {
		confirm := func(pubsub.Position) Reply { return Reply("subscribed") }
		if _, err := c.Subscribe(t.Context(), "c", pubsub.Behind(pubsub.Position{}), confirm); err != nil {
			t.Error(err)
		}
	}
	items := c.pull()
	confirmed := slices.IndexFunc(items, func(it Item) bool { _, ok := it.(Reply); return ok })
	message := slices.IndexFunc(items, func(it Item) bool {
		d, ok := it.(*Delivery)
		return ok && d.Message.Channel == "c"
	})
	if confirmed < 0 || message < confirmed {
		t.Fatalf("the confirmation is item %d, the first message item %d", confirmed, message)
	}
}
