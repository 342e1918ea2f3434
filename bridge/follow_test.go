package bridge

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// An ailing broker can be away, and counts who asks it.
type ailing struct {
	pubsub.Broker
	away      atomic.Bool
	follows   atomic.Int32
	unfollows atomic.Int32
	reads     atomic.Int32
}

func (a *ailing) Follow(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	a.follows.Add(1)
	if a.away.Load() {
		return pubsub.Position{}, pubsub.ErrUnavailable
	}
	return a.Broker.Follow(ctx, c)
}

func (a *ailing) Unfollow(c pubsub.Channel) {
	a.unfollows.Add(1)
	a.Broker.Unfollow(c)
}

func (a *ailing) Read(ctx context.Context, c pubsub.Channel, p pubsub.Position, l pubsub.Limit) (pubsub.Page, error) {
	a.reads.Add(1)
	if a.away.Load() {
		return pubsub.Page{}, pubsub.ErrUnavailable
	}
	return a.Broker.Read(ctx, c, p, l)
}

func (a *ailing) Status() pubsub.Status {
	if a.away.Load() {
		return pubsub.Status{State: pubsub.Down}
	}
	return a.Broker.Status()
}

func openAiling(t *testing.T, o Options) (*Bridge, *ailing) {
	a := &ailing{}
	return open(t, o, ample, func(inner pubsub.Broker) pubsub.Broker { a.Broker = inner; return a }), a
}

func TestAThousandSubscribersAskTheBrokerOnce(t *testing.T) {
	b, a := openAiling(t, Options{})
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			c := b.Connect(wakeUp(func() {}))
			defer c.Close()
			if _, err := c.Subscribe(context.Background(), "c", pubsub.Start{}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := a.follows.Load(); n != 1 {
		t.Errorf("%d times, want once", n)
	}
}

func TestAChannelLingersAndIsThenLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, a := openAiling(t, Options{Linger: 10 * time.Second})
		start, _ := b.Info(t.Context(), "c")
		at := start.Pos
		for range 20 { // one who polls every second
			c := connect(t, b)
			c.subscribe("c", pubsub.Behind(at))
			at = publish(t, b, "c", 1).Pos
			if got := len(c.pull()); got != 1 {
				t.Fatalf("a poll got %d messages", got)
			}
			c.Close()
			time.Sleep(time.Second)
		}
		if f, r := a.follows.Load(), a.reads.Load(); f != 1 || r != 0 {
			t.Errorf("20 polls followed %d times and read the log %d times, want 1 and 0", f, r)
		}
		if a.unfollows.Load() != 0 {
			t.Error("left before the time")
		}
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if a.unfollows.Load() != 1 || b.lookup("c") != nil {
			t.Error("still followed, though nobody came back")
		}
		if n := b.tails.Load(); n != 0 {
			t.Errorf("its tail still counts %d bytes", n)
		}
		c := connect(t, b)
		c.subscribe("c", pubsub.Behind(at))
		publish(t, b, "c", 1)
		if got := len(c.pull()); got != 1 {
			t.Fatalf("after it was left: %d messages", got)
		}
	})
}

func TestLingeringIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := openAiling(t, Options{Linger: time.Hour, Lingering: shardCount})
		c := connect(t, b)
		for i := range 2000 {
			name := pubsub.Channel("c" + time.Duration(i).String())
			if _, err := c.Subscribe(t.Context(), name, pubsub.Start{}, nil); err != nil {
				t.Fatal(err)
			}
			c.Unsubscribe(name, nil)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		left := 0
		for i := range b.shards {
			left += len(b.shards[i].channels)
		}
		if left > shardCount {
			t.Errorf("%d channels linger, at most %d may", left, shardCount)
		}
	})
}

func TestWhileTheBrokerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, a := openAiling(t, Options{})
		connected := connect(t, b)
		connected.subscribe("c", pubsub.Start{})
		old := publish(t, b, "c", 1).Pos
		for range 200 { // beyond what the tail keeps
			publish(t, b, "c", 1)
		}
		connected.pull()

		a.away.Store(true)
		late := connect(t, b)
		if _, err := late.Subscribe(t.Context(), "c", pubsub.Behind(old), nil); !errors.Is(err, pubsub.ErrUnavailable) {
			t.Errorf("one who needs the log: %v", err)
		}
		if _, err := late.Subscribe(t.Context(), "new", pubsub.Start{}, nil); !errors.Is(err, pubsub.ErrUnavailable) {
			t.Errorf("a channel that has to be followed: %v", err)
		}
		(receiver{b}).Break("c") // as a broker says when its line broke
		<-connected.woken
		if got := connected.pull(); len(got) != 0 {
			t.Fatalf("got %v from a log that cannot be read", offsets(got))
		}
		time.Sleep(time.Minute)

		a.away.Store(false)
		publish(t, b, "c", 1)
		<-connected.woken
		if got := offsets(connected.pull()); !slices.Equal(got, []uint64{202}) {
			t.Fatalf("caught up with %v, want 202", got)
		}
	})
}
