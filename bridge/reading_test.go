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
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// One who comes while the log is read waits for the page, and what is announced meanwhile
// reaches it behind the page.
func TestOneWhoComesWhileTheLogIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, o := openOvertaken(t)
		d := &distant{Broker: o.Broker}
		o.Broker = d
		start := front(publish(t, b, "c", 1))
		connect(t, b).subscribe("c", pubsub.Start{})
		d.asked.Store(0)

		first, second := connect(t, b), connect(t, b)
		first.subscribe("c", pubsub.Behind(start))
		var late []Item
		done := make(chan struct{})
		o.then = func() { // the page was taken, and is on its way
			publish(t, b, "c", 1)
			second.subscribe("c", pubsub.Behind(start))
			go func() {
				defer close(done)
				late = second.pull()
			}()
			synctest.Wait()
			publish(t, b, "c", 1)
		}
		early := first.pull()
		<-done
		for _, items := range [][]Item{early, late} {
			if got := offsets(items); !slices.Equal(got, []uint64{1, 2, 3}) {
				t.Errorf("got %v, want 1 to 3", got)
			}
		}
		if n := d.asked.Load(); n != 1 {
			t.Errorf("the log was read %d times, want once", n)
		}
	})
}

// A page that was read when the channel broke is not for those who come behind the break.
func TestAReadingThatABreakOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, o := openOvertaken(t)
		d := &distant{Broker: o.Broker}
		o.Broker = d
		old := publish(t, b, "c", 1)
		first, second := connect(t, b), connect(t, b)
		first.subscribe("c", pubsub.Behind(front(old)))
		d.asked.Store(0)
		o.then = func() {
			if _, err := b.Purge(t.Context(), "c"); err != nil {
				t.Error(err)
			}
			second.subscribe("c", pubsub.Behind(front(old)))
			if got := offsets(second.pull()); !slices.Equal(got, []uint64{0}) {
				t.Errorf("who came behind the purge got %v, want the gap alone", got)
			}
		}
		if got := offsets(first.pull()); !slices.Equal(got, []uint64{1, 0}) {
			t.Errorf("who read it got %v, want what was there and the gap", got)
		}
	})
}

// A log that went back may be read before its break is announced. Who was told of that must not
// be given what the channel still remembers of the old end.
func TestALogThatWentBackWithoutAWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f *pubsubtest.Faulty
		var inner *membroker.Broker
		b := open(t, Options{}, ample, func(m pubsub.Broker) pubsub.Broker {
			inner = m.(*membroker.Broker)
			f = pubsubtest.NewFaulty(m)
			return f
		})
		stays := connect(t, b)
		stays.subscribe("c", pubsub.Start{})
		var all []pubsub.Position
		for range 5 {
			all = append(all, publish(t, b, "c", 1).Pos)
		}
		stays.pull()
		f.Mute()
		if _, err := inner.Rollback(t.Context(), "c", 2); err != nil {
			t.Fatal(err)
		}
		returns := connect(t, b)
		returns.subscribe("c", pubsub.Behind(all[3]))
		for _, c := range []*consumer{returns, stays} {
			if got := offsets(c.pull()); !slices.Equal(got, []uint64{0}) {
				t.Errorf("got %v, want the gap alone", got)
			}
			if got := offsets(c.pull()); len(got) > 0 {
				t.Errorf("behind the gap came %v", got)
			}
		}
		f.Mend()
		publish(t, b, "c", 1)
		for _, c := range []*consumer{returns, stays} {
			if got := offsets(c.pull()); !slices.Equal(got, []uint64{3}) {
				t.Errorf("got %v, want what is published in the place of what was lost", got)
			}
		}
	})
}

// When the one who reads leaves, another one reads.
func TestAReaderThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d := openDistant(t, 0)
		h := &hanging{Broker: d}
		b.broker = h
		start := front(publish(t, b, "c", 1))
		all := crowd(t, b, "c", 3)
		for i := range all {
			all[i] = connect(t, b)
			all[i].subscribe("c", pubsub.Behind(start))
		}
		ctx, leave := context.WithCancel(t.Context())
		h.hang.Store(true)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := all[0].Pull(ctx, nil, Limit{10, 1 << 20}); !errors.Is(err, context.Canceled) {
				t.Errorf("who left was told %v", err)
			}
		})
		synctest.Wait()
		h.hang.Store(false)
		var got [2][]Item
		for i, c := range all[1:] {
			wg.Go(func() { got[i] = c.pull() })
		}
		synctest.Wait()
		if n := h.reads.Load(); n != 1 {
			t.Fatalf("%d reads before anybody left", n)
		}
		leave()
		wg.Wait()
		expectAll(t, got[:], 1)
		if n := h.reads.Load(); n != 2 {
			t.Errorf("%d reads, want one more", n)
		}
	})
}

// One who waits for another one's reading may leave without it.
func TestOneWhoWaitsMayLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d := openDistant(t, time.Second)
		start := front(publish(t, b, "c", 1))
		crowd(t, b, "c", 1)
		one, two := connect(t, b), connect(t, b)
		one.subscribe("c", pubsub.Behind(start))
		two.subscribe("c", pubsub.Behind(start))
		d.asked.Store(0)
		done := make(chan []Item)
		go func() { done <- one.pull() }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		if _, err := two.Pull(ctx, nil, Limit{10, 1 << 20}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it was told %v", err)
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("it waited %v", took)
		}
		if got := offsets(<-done); !slices.Equal(got, []uint64{1}) || d.asked.Load() != 1 {
			t.Errorf("the one who read got %v with %d reads", got, d.asked.Load())
		}
	})
}

// A hanging broker answers reads when their context ends, while hang is set.
type hanging struct {
	pubsub.Broker
	hang  atomic.Bool
	reads atomic.Int32
}

func (h *hanging) Read(ctx context.Context, c pubsub.Channel, p pubsub.Position, l pubsub.Limit) (pubsub.Page, error) {
	h.reads.Add(1)
	if h.hang.Load() {
		<-ctx.Done()
		return pubsub.Page{}, ctx.Err()
	}
	return h.Broker.Read(ctx, c, p, l)
}

// Announcements of what the log has shown already are known as such, and break nothing.
func TestAnnouncementsThatTheLogOvertook(t *testing.T) {
	b, s := openScripted(t)
	c := connect(t, b)
	c.subscribe("c", pubsub.Start{})
	s.mute = true
	var all []*pubsub.Message
	for range 5 {
		all = append(all, publish(t, b, "c", 1))
	}
	s.mute = false
	s.receiver.Break("c")
	if got := offsets(c.pull()); !slices.Equal(got, []uint64{1, 2, 3, 4, 5}) {
		t.Fatalf("got %v from the log", got)
	}
	breaks := b.lookup("c").breaks
	for _, m := range all {
		s.receiver.Message(m)
	}
	if n := b.lookup("c").breaks - breaks; n != 0 {
		t.Errorf("the channel broke %d times", n)
	}
	publish(t, b, "c", 1)
	if got := offsets(c.pull()); !slices.Equal(got, []uint64{6}) {
		t.Errorf("then %v, want 6", got)
	}
}

// A log that could not be read in front of a break is read at once behind it.
func TestABreakEndsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, a := openAiling(t, Options{})
		i := &interrupted{Broker: a}
		b.broker = i
		start := front(publish(t, b, "c", 1))
		fail := func(meanwhile func()) {
			c := connect(t, b)
			c.subscribe("c", pubsub.Behind(start))
			i.meanwhile = func() {
				a.away.Store(true)
				meanwhile()
			}
			if got := c.pull(); len(got) != 0 {
				t.Fatalf("got %v from a log that cannot be read", offsets(got))
			}
			a.away.Store(false)
		}
		one := func() [][]Item { return rush(t, b, 1, Limit{10, 1 << 20}, "c", pubsub.Behind(start)) }

		fail(func() { (receiver{b}).Break("c") })
		expectAll(t, one(), 1)
		(receiver{b}).Break("c")
		fail(func() {})
		expectAll(t, one()) // it failed a moment ago for another one
		(receiver{b}).Break("c")
		expectAll(t, one(), 1)
	})
}

// Pages that overlap share the messages that stand in both.
func TestPagesThatOverlapShareTheirDeliveries(t *testing.T) {
	b, _ := openDistant(t, 0)
	start := front(publish(t, b, "c", 1))
	at := start
	for range 4 * tailMessages {
		if m := publish(t, b, "c", 1); m.Pos.Offset == 10 {
			at = m.Pos
		}
	}
	late := rush(t, b, 1, Limit{1000, 1 << 20}, "c", pubsub.Behind(at))[0]
	early := rush(t, b, 1, Limit{1000, 1 << 20}, "c", pubsub.Behind(start))[0]
	if len(early) != 4*tailMessages+1 || !slices.Equal(early[10:], late[:len(early)-10]) {
		t.Errorf("%d and %d items do not share those in both", len(early), len(late))
	}
}

// What is announced while the other channels of a client are still being opened belongs to one
// that is located, also where retention is off.
func TestAMessageBetweenLocatingAndBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &distant{away: 10 * time.Millisecond}
		b := open(t, Options{}, pubsub.Retention{}, func(inner pubsub.Broker) pubsub.Broker { d.Broker = inner; return d })
		connect(t, b).subscribe("c000", pubsub.Start{})
		c := connect(t, b)
		go func() {
			time.Sleep(15 * time.Millisecond) // the first is located, the second followed
			publish(t, b, "c000", 1)
		}()
		if _, err := c.SubscribeAll(t.Context(), marks(2, pubsub.Behind(pubsub.Position{})), nil); err != nil {
			t.Fatal(err)
		}
		if got := offsets(c.pull()); !slices.Equal(got, []uint64{1}) {
			t.Errorf("got %v, want the message", got)
		}
	})
}

// Whoever is closed while it asks for the end of a channel that is then left does not ask on.
func TestClosedWhileAskingForNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d := openDistant(t, 10*time.Millisecond)
		other, c := connect(t, b), connect(t, b)
		other.subscribe("c", pubsub.Start{})
		(receiver{b}).Break("c")
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, err = c.Subscribe(t.Context(), "c", pubsub.Start{}, nil)
		}()
		time.Sleep(5 * time.Millisecond)
		other.Close()
		c.Close()
		b.closeIdle(time.Now().Add(time.Hour))
		<-done
		if !errors.Is(err, ErrLeft) {
			t.Errorf("Subscribe says %v", err)
		}
		if n := d.asked.Load(); n != 2 {
			t.Errorf("the broker was asked %d times, want once to follow and once for the end", n)
		}
	})
}
