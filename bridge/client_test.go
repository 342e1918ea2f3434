package bridge

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestSubscribeRefusesTwiceAndTooMany(t *testing.T) {
	b := open(t, Options{Subscriptions: 2}, ample, nil)
	c := connect(t, b)
	c.subscribe("a", pubsub.Start{})
	if _, err := c.Subscribe(t.Context(), "a", pubsub.Start{}, nil); !errors.Is(err, ErrSubscribed) {
		t.Errorf("twice: %v", err)
	}
	c.subscribe("b", pubsub.Start{})
	if _, err := c.Subscribe(t.Context(), "c", pubsub.Start{}, nil); !errors.Is(err, ErrTooMany) {
		t.Errorf("third of two: %v", err)
	}
	c.Unsubscribe("a", nil)
	c.subscribe("c", pubsub.Start{})
}

func TestConfirmationsStandBetweenMessages(t *testing.T) {
	b := open(t, Options{}, ample, nil)
	c := connect(t, b)
	first := publish(t, b, "c", 1)
	if _, err := c.Subscribe(t.Context(), "c", pubsub.Behind(pubsub.Position{}), func(p pubsub.Position) Reply { return Reply("at " + p.String()) }); err != nil {
		t.Fatal(err)
	}
	publish(t, b, "c", 1)
	items := c.pull()
	front := pubsub.Position{Epoch: first.Pos.Epoch}
	if got, ok := items[0].(Reply); !ok || string(got) != "at "+front.String() {
		t.Fatalf("first comes %v, want the confirmation in front of the oldest", items[0])
	}
	if got := offsets(items); !slices.Equal(got, []uint64{1, 2}) {
		t.Fatalf("then %v, want 1 and 2", got)
	}

	publish(t, b, "c", 1)
	if !c.Unsubscribe("c", Reply("left")) || c.Unsubscribe("c", Reply("left")) {
		t.Fatal("the first Unsubscribe counts, and only the first")
	}
	publish(t, b, "c", 1)
	items = c.pull()
	if got := offsets(items); !slices.Equal(got, []uint64{3}) {
		t.Fatalf("around the farewell: %v, want 3 alone", got)
	}
	if got := items[len(items)-1].(Reply); string(got) != "left" {
		t.Fatalf("last comes %q", got)
	}
}

func TestWakeComesOnceAfterAnEmptyPull(t *testing.T) {
	b := open(t, Options{}, ample, nil)
	c := connect(t, b)
	c.subscribe("c", pubsub.Start{})
	publish(t, b, "c", 1)
	select {
	case <-c.woken:
		t.Fatal("woken before it asked")
	default:
	}
	c.pull()
	publish(t, b, "c", 1)
	<-c.woken
	publish(t, b, "c", 1) // a second wake-up would fill the hook's channel and block
	publish(t, b, "c", 1)
	if got := len(c.pull()); got != 3 {
		t.Fatalf("%d items, want 3", got)
	}
}

func TestAClientThatStandsStillIsStoppedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, Options{Queue: 64 << 10, Stall: 2 * time.Second}, pubsub.Retention{Count: 10, Age: time.Hour, Bytes: 1 << 20}, nil)
		stalled, other := connect(t, b), connect(t, b)
		stalled.subscribe("c", pubsub.Start{})
		other.subscribe("c", pubsub.Start{})
		got := 0
		for range 1000 {
			publish(t, b, "c", 1000)
			got += len(other.pull())
			if n := stalled.Queued(); n > 64<<10 {
				t.Fatalf("the queue holds %d bytes", n)
			}
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		select {
		case err := <-stalled.cause:
			if !errors.Is(err, ErrTooSlow) {
				t.Fatalf("stopped with %v", err)
			}
		default:
			t.Fatal("it was not stopped")
		}
		if _, err := stalled.Pull(t.Context(), nil, Limit{1, 1}); !errors.Is(err, ErrTooSlow) {
			t.Fatalf("Pull says %v", err)
		}
		if stalled.Queued() != 0 {
			t.Fatal("a stopped client keeps its queue")
		}
		if got != 1000 {
			t.Fatalf("the other got %d of 1000", got)
		}
	})
}

func TestABurstDoesNotEndAClientThatKeepsReading(t *testing.T) {
	b := open(t, Options{Queue: 8 << 10}, ample, nil)
	c := connect(t, b)
	c.subscribe("c", pubsub.Start{})
	for range 500 {
		publish(t, b, "c", 1000) // far more than the queue holds
	}
	got := offsets(c.pull())
	for i, offset := range got {
		if offset != uint64(i+1) {
			t.Fatalf("message %d has offset %d", i+1, offset)
		}
	}
	if len(got) != 500 {
		t.Fatalf("got %d of 500", len(got))
	}
}

func TestCatchingUpIsNeverTooSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, Options{Stall: time.Second}, ample, nil)
		start, err := b.Info(t.Context(), "c")
		if err != nil {
			t.Fatal(err)
		}
		const n = 100
		for range n {
			publish(t, b, "c", 80<<10) // 8 MiB in all
		}
		c := connect(t, b)
		c.subscribe("c", pubsub.Behind(start.Pos))
		var got []Item
		for len(got) < n {
			more, err := c.Pull(t.Context(), nil, Limit{Messages: 100, Bytes: 64 << 10})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, more...)
			time.Sleep(5 * time.Second) // a line of 16 KiB a second
		}
		if len(got) != n {
			t.Fatalf("%d of %d", len(got), n)
		}
	})
}

func TestRepliesOfACareless(t *testing.T) {
	b := open(t, Options{Queue: 1000}, ample, nil)
	c := connect(t, b)
	for range 100 {
		c.Reply(make(Reply, 100))
	}
	if err := <-c.cause; !errors.Is(err, ErrTooSlow) {
		t.Fatalf("stopped with %v", err)
	}
}

func TestChannelsTakeTurns(t *testing.T) {
	b := open(t, Options{}, ample, nil)
	for range 50 {
		publish(t, b, "a", 1)
		publish(t, b, "b", 1)
	}
	c := connect(t, b)
	c.subscribe("a", pubsub.Behind(pubsub.Position{}))
	c.subscribe("b", pubsub.Behind(pubsub.Position{}))
	items, err := c.Pull(t.Context(), nil, Limit{Messages: 20, Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[pubsub.Channel]int)
	for _, it := range items {
		count[it.(*Delivery).Message.Channel]++
	}
	if len(items) != 20 || count["a"] < 5 || count["b"] < 5 {
		t.Fatalf("20 messages were divided as %v", count)
	}
}

func TestCloseWhileSubscribing(t *testing.T) {
	b := open(t, Options{}, ample, nil)
	for range 200 {
		c := b.Connect(wakeUp(func() {}))
		done := make(chan struct{})
		go func() {
			defer close(done)
			for _, name := range []pubsub.Channel{"a", "b", "c"} {
				c.Subscribe(context.Background(), name, pubsub.Start{}, nil)
			}
		}()
		c.Close()
		<-done
		c.Close()
	}
	for _, name := range []pubsub.Channel{"a", "b", "c"} {
		if n := (receiver{b}).Subscribers(name); n != 0 {
			t.Errorf("%s has %d subscribers left", name, n)
		}
	}
}

func TestAConfirmationThatDoesNotFitIsAReplyThatDoesNot(t *testing.T) {
	b := open(t, Options{Queue: 1000}, ample, nil)
	c := connect(t, b)
	c.Reply(make(Reply, 1000))
	confirm := func(pubsub.Position) Reply { return Reply("subscribed") }
	if _, err := c.Subscribe(t.Context(), "c", pubsub.Start{}, confirm); !errors.Is(err, ErrTooSlow) {
		t.Fatalf("Subscribe says %v", err)
	}
	if n := (receiver{b}).Subscribers("c"); n != 0 {
		t.Errorf("%d subscribers", n)
	}
	select {
	case err := <-c.cause:
		if !errors.Is(err, ErrTooSlow) {
			t.Errorf("stopped with %v", err)
		}
	default:
		t.Error("the client goes on without its answer")
	}
}

// Who asks for no messages at all is given one: a caller without room would else ask for ever.
func TestPullGivesOne(t *testing.T) {
	b := open(t, Options{}, ample, nil)
	c := connect(t, b)
	c.subscribe("c", pubsub.Start{})
	for range 3 {
		publish(t, b, "c", 1)
	}
	if items, err := c.Pull(t.Context(), nil, Limit{}); len(items) != 1 || err != nil {
		t.Errorf("Pull gave %d, %v", len(items), err)
	}
	if items, rest, err := c.Take(nil, Limit{}); len(items) != 1 || rest != Queued || err != nil {
		t.Errorf("Take gave %d, %v, %v", len(items), rest, err)
	}
}
