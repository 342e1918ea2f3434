package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A distant broker answers each question after a while, and counts those under way.
type distant struct {
	pubsub.Broker
	receiver pubsub.Receiver
	away     time.Duration
	asked    atomic.Int32
	underway atomic.Int32
	most     atomic.Int32
	largest  atomic.Int32 // limit of a read, in messages
	refuse   pubsub.Channel
}

func (d *distant) Start(ctx context.Context, r pubsub.Receiver) error {
	d.receiver = r
	return d.Broker.Start(ctx, r)
}

func (d *distant) travel() {
	d.asked.Add(1)
	n := d.underway.Add(1)
	for {
		if most := d.most.Load(); n <= most || d.most.CompareAndSwap(most, n) {
			break
		}
	}
	time.Sleep(d.away)
	d.underway.Add(-1)
}

func (d *distant) Follow(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	d.travel()
	if c == d.refuse {
		return pubsub.Position{}, pubsub.ErrUnavailable
	}
	return d.Broker.Follow(ctx, c)
}

func (d *distant) Read(ctx context.Context, c pubsub.Channel, p pubsub.Position, l pubsub.Limit) (pubsub.Page, error) {
	d.largest.Store(max(d.largest.Load(), int32(l.Messages)))
	d.travel()
	return d.Broker.Read(ctx, c, p, l)
}

func (d *distant) ReadBack(ctx context.Context, c pubsub.Channel, p pubsub.Position, l pubsub.Limit) (pubsub.Page, error) {
	d.travel()
	return d.Broker.ReadBack(ctx, c, p, l)
}

func openDistant(t *testing.T, away time.Duration) (*Bridge, *distant) {
	d := &distant{away: away}
	return open(t, Options{}, ample, func(inner pubsub.Broker) pubsub.Broker { d.Broker = inner; return d }), d
}

// marks names n channels, each with the same start.
func marks(n int, start pubsub.Start) pubsub.Cursor {
	all := make(pubsub.Cursor, n)
	for i := range all {
		all[i] = pubsub.Mark{Channel: pubsub.Channel(fmt.Sprintf("c%03d", i)), Start: start}
	}
	return all
}

func TestAHundredChannelsAreOpenedSideBySide(t *testing.T) {
	for _, test := range []struct {
		name     string
		start    pubsub.Start
		followed bool
		asked    int // for each channel: to follow it, and to find where it begins
	}{
		{"from now", pubsub.Start{}, false, 1},
		{"from the oldest kept", pubsub.Behind(pubsub.Position{}), false, 2},
		{"from the oldest kept of channels that are followed", pubsub.Behind(pubsub.Position{}), true, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, d := openDistant(t, 50*time.Millisecond)
				if test.followed {
					if _, err := connect(t, b).SubscribeAll(t.Context(), marks(100, pubsub.Start{}), nil); err != nil {
						t.Fatal(err)
					}
					d.asked.Store(0)
				}
				c := connect(t, b)
				all := marks(100, test.start)
				var confirmed []pubsub.Channel
				began := time.Now()
				cursor, err := c.SubscribeAll(t.Context(), all, func(name pubsub.Channel, pos pubsub.Position) Reply {
					confirmed = append(confirmed, name)
					return Reply(name)
				})
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took > 300*time.Millisecond {
					t.Errorf("it took %v", took)
				}
				if n := int(d.asked.Load()); n != test.asked*len(all) {
					t.Errorf("the broker was asked %d times, want %d", n, test.asked*len(all))
				}
				if n := d.most.Load(); n > sideBySide {
					t.Errorf("%d times at once, at most %d are allowed", n, sideBySide)
				}
				items := c.pull()
				for i, m := range all {
					if cursor[i].Channel != m.Channel || confirmed[i] != m.Channel || string(items[i].(Reply)) != string(m.Channel) {
						t.Fatalf("place %d: %s in the cursor, %s confirmed, %s queued; want %s", i, cursor[i].Channel, confirmed[i], items[i], m.Channel)
					}
				}
				for _, m := range all {
					publish(t, b, m.Channel, 1)
				}
				if n := len(c.pull()); n != len(all) {
					t.Errorf("%d messages came, want %d", n, len(all))
				}
			})
		})
	}
}

func TestChannelsThatAreFollowedAreOpenedWithoutTheBroker(t *testing.T) {
	b, d := openDistant(t, 0)
	all := marks(50, pubsub.Start{})
	first, second := connect(t, b), connect(t, b)
	cursor, err := first.SubscribeAll(t.Context(), all, nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := d.asked.Load()
	if _, err := second.SubscribeAll(t.Context(), cursor, nil); err != nil {
		t.Fatal(err)
	}
	second.pull()
	if n := d.asked.Load() - asked; n != 0 {
		t.Errorf("a client that shows the ends of 50 followed channels asked the broker %d times", n)
	}
}

// What stands in front of the channel that fails is subscribed, what stands behind it is not:
// as if one was opened after the other.
func TestOneOfManyThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d := openDistant(t, 50*time.Millisecond)
		d.refuse = "c030"
		all := marks(100, pubsub.Start{})
		c := connect(t, b)
		cursor, err := c.SubscribeAll(t.Context(), all, nil)
		if !errors.Is(err, pubsub.ErrUnavailable) || len(cursor) != 30 {
			t.Fatalf("%d channels and %v, want 30 and the broker's refusal", len(cursor), err)
		}
		names := c.Channels()
		slices.Sort(names)
		if len(names) != 30 || names[29] != "c029" {
			t.Errorf("subscribed to %v", names)
		}
		for i, m := range all {
			want := 0
			if i < 30 {
				want = 1
			}
			if n := (receiver{b}).Subscribers(m.Channel); n != want {
				t.Errorf("%s has %d subscribers, want %d", m.Channel, n, want)
			}
		}
		d.refuse = ""
		if _, err := c.SubscribeAll(t.Context(), all[30:], nil); err != nil {
			t.Errorf("the rest, later: %v", err)
		}
	})
}

func TestOneOfManyThatIsRefused(t *testing.T) {
	b := open(t, Options{Subscriptions: 3}, ample, nil)
	c := connect(t, b)
	c.subscribe("c001", pubsub.Start{})
	cursor, err := c.SubscribeAll(t.Context(), marks(3, pubsub.Start{}), nil)
	if !errors.Is(err, ErrSubscribed) || len(cursor) != 1 {
		t.Errorf("%d channels and %v, want 1 and that the next one is subscribed already", len(cursor), err)
	}
	cursor, err = c.SubscribeAll(t.Context(), marks(5, pubsub.Start{})[2:], nil)
	if !errors.Is(err, ErrTooMany) || len(cursor) != 1 {
		t.Errorf("%d channels and %v, want 1 and that the next one is too many", len(cursor), err)
	}
}

func TestClosedWhileManyAreOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := openDistant(t, 50*time.Millisecond)
		all := marks(200, pubsub.Behind(pubsub.Position{}))
		c := connect(t, b)
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, err = c.SubscribeAll(t.Context(), all, nil)
		}()
		time.Sleep(75 * time.Millisecond) // some are followed, some asked, some not yet begun
		c.Close()
		<-done
		if !errors.Is(err, ErrLeft) {
			t.Errorf("SubscribeAll says %v", err)
		}
		if channels, subscriptions := b.Load(); channels != 0 || subscriptions != 0 {
			t.Errorf("%d subscriptions to %d channels are left", subscriptions, channels)
		}
	})
}
