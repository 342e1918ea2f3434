package bridge

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

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
	c.subscribe("late", pubsub.Behind(front(publish(t, b, "late", 1))))
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
	slow := front(publish(t, b, "slow", 1))
	publish(t, b, "c", 1)
	c := connect(t, b)
	c.subscribe("slow", pubsub.Behind(slow))
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

// A client that comes back with many channels waits for their logs once, not for each.
func TestLogsOfOneClientAreReadSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d := openDistant(t, 50*time.Millisecond)
		all := marks(100, pubsub.Start{})
		for i, m := range all {
			all[i].Start = pubsub.Behind(front(publish(t, b, m.Channel, 1)))
			publish(t, b, m.Channel, 1)
		}
		c := connect(t, b)
		if _, err := c.SubscribeAll(t.Context(), all, nil); err != nil {
			t.Fatal(err)
		}
		d.asked.Store(0)
		began := time.Now()
		items, err := c.Pull(t.Context(), nil, Limit{Messages: 1000, Bytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 300*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		if n := d.asked.Load(); n != 100 || len(items) != 200 {
			t.Errorf("%d reads gave %d messages, want 100 and 200", n, len(items))
		}
		// What came of one channel stands together and in order.
		for i := 0; i < len(items); i += 2 {
			one, two := items[i].(*Delivery).Message, items[i+1].(*Delivery).Message
			if one.Channel != two.Channel || one.Pos.Offset != 1 || two.Pos.Offset != 2 {
				t.Fatalf("%s %d, then %s %d", one.Channel, one.Pos.Offset, two.Channel, two.Pos.Offset)
			}
		}
	})
}

// A limit that ends a round does not cost those behind it their turn.
func TestTurnsGoOnWhereALimitCutThem(t *testing.T) {
	b := open(t, Options{}, ample, nil)
	all := marks(20, pubsub.Start{})
	for i, m := range all {
		all[i].Start = pubsub.Behind(front(publish(t, b, m.Channel, 1000)))
		for range 9 {
			publish(t, b, m.Channel, 1000)
		}
	}
	c := connect(t, b)
	if _, err := c.SubscribeAll(t.Context(), all, nil); err != nil {
		t.Fatal(err)
	}
	count := make(map[pubsub.Channel]int)
	for range 10 * len(all) / 4 {
		items, err := c.Pull(t.Context(), nil, Limit{Messages: 1000, Bytes: 4000}) // four at a time
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range items {
			count[it.(*Delivery).Message.Channel]++
		}
		least, most := 1000, 0
		for _, m := range all {
			least, most = min(least, count[m.Channel]), max(most, count[m.Channel])
		}
		if most-least > 1 {
			t.Fatalf("one channel gave %d, another %d", most, least)
		}
	}
}
