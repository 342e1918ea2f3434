package bridge

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// What crowds cost the broker: they come back together, or fall behind together.

// crowd connects n clients that wait at the end of a channel.
func crowd(t *testing.T, b *Bridge, name pubsub.Channel, n int) []*consumer {
	all := make([]*consumer, n)
	for i := range all {
		all[i] = connect(t, b)
		all[i].subscribe(name, pubsub.Start{})
		all[i].pull() // and waits
	}
	return all
}

// rush lets n clients come and pull at once, each with a goroutine of its own, and returns what
// each was given.
func rush(t *testing.T, b *Bridge, n int, limit Limit, name pubsub.Channel, start pubsub.Start) [][]Item {
	got := make([][]Item, n)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			c := b.Connect(wakeUp(func() {}))
			defer c.Close()
			if _, err := c.Subscribe(t.Context(), name, start, nil); err != nil {
				t.Error(err)
				return
			}
			for {
				had := len(got[i])
				var err error
				if got[i], err = c.Pull(t.Context(), got[i], limit); err != nil {
					t.Error(err)
				}
				if len(got[i]) == had {
					return
				}
			}
		})
	}
	wg.Wait()
	return got
}

// pullAll lets clients pull at once, and returns what each was given.
func pullAll(all []*consumer) [][]Item {
	got := make([][]Item, len(all))
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() { got[i] = c.pull() })
	}
	wg.Wait()
	return got
}

// expectAll holds what each client was given against offsets, a gap being 0.
func expectAll(t *testing.T, got [][]Item, want ...uint64) {
	t.Helper()
	for i, items := range got {
		if o := offsets(items); !slices.Equal(o, want) {
			t.Fatalf("client %d got %v, want %v", i, o, want)
		}
	}
}

// expectShared holds that all were given the very same items, with their encodings.
func expectShared(t *testing.T, got [][]Item) {
	t.Helper()
	for i, items := range got {
		if !slices.Equal(items, got[0]) {
			t.Fatalf("client %d was given items of its own", i)
		}
	}
}

func TestAThousandPollsThatReturnBehindOneMessageCostOneRead(t *testing.T) {
	for _, test := range []struct {
		name   string
		unread bool // the channel was not followed here before
	}{
		{"followed", false},
		{"new", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, d := openDistant(t, 10*time.Millisecond)
				first := publish(t, b, "c", 1)
				if !test.unread {
					connect(t, b).subscribe("c", pubsub.Start{})
				}
				publish(t, b, "c", 1)
				asked := d.asked.Load()
				if test.unread {
					asked++ // to follow it
				}

				got := rush(t, b, 500, Limit{100, 1 << 20}, "c", pubsub.Behind(first.Pos))
				time.Sleep(500 * time.Millisecond) // some come later
				got = append(got, rush(t, b, 500, Limit{100, 1 << 20}, "c", pubsub.Behind(first.Pos))...)
				expectAll(t, got, 2)
				expectShared(t, got)
				if n := d.asked.Load() - asked; n != 1 {
					t.Errorf("the log was read %d times, want once", n)
				}
			})
		})
	}
}

// The log placed those who came first, in front of the message; who comes a moment later stands
// elsewhere in the tail and is served from it all the same.
func TestAProofCountsForTheWholeTail(t *testing.T) {
	t.Run("of a channel", func(t *testing.T) { proveTail(t, false) })
	t.Run("of a channel that broke", func(t *testing.T) { proveTail(t, true) })
}

func proveTail(t *testing.T, broken bool) {
	synctest.Test(t, func(t *testing.T) {
		b, d := openDistant(t, 10*time.Millisecond)
		connect(t, b).subscribe("c", pubsub.Start{})
		at := []pubsub.Position{front(publish(t, b, "c", 1))}
		for range 20 {
			at = append(at, publish(t, b, "c", 1).Pos)
		}
		if broken {
			(receiver{b}).Break("c")
		}
		rush(t, b, 1, Limit{100, 1 << 20}, "c", pubsub.Behind(at[3]))
		asked := d.asked.Load()
		for range 5 { // behind the page that was read
			at = append(at, publish(t, b, "c", 1).Pos)
		}
		slow := connect(t, b)
		slow.subscribe("c", pubsub.Behind(at[22]))
		if items, err := slow.Pull(t.Context(), nil, Limit{1, 1}); err != nil || len(items) != 1 {
			t.Errorf("%d items, %v", len(items), err)
		}
		for _, p := range at[3:] {
			rush(t, b, 1, Limit{100, 1 << 20}, "c", pubsub.Behind(p))
		}
		if n := d.asked.Load() - asked; n != 0 {
			t.Errorf("the log was read %d times more", n)
		}
		rush(t, b, 1, Limit{100, 1 << 20}, "c", pubsub.Behind(at[2]))
		if n := d.asked.Load() - asked; n != 1 {
			t.Errorf("one in front of what was proven cost %d reads, want 1", n)
		}
		time.Sleep(proofAge + time.Second)
		slow.pull() // it was placed when the proof counted
		if n := d.asked.Load() - asked; n != 1 {
			t.Errorf("one that was placed cost %d reads", n-1)
		}
		rush(t, b, 1, Limit{100, 1 << 20}, "c", pubsub.Behind(at[5]))
		if n := d.asked.Load() - asked; n != 2 {
			t.Errorf("when the proof was too old, %d reads were made, want another one", n-1)
		}
	})
}

// With retention off there is no proof: each is told what it missed. But they need not be told
// one after the other.
func TestRetentionOffProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &distant{away: 10 * time.Millisecond}
		b := open(t, Options{}, pubsub.Retention{}, func(inner pubsub.Broker) pubsub.Broker { d.Broker = inner; return d })
		live := connect(t, b)
		start := live.subscribe("c", pubsub.Start{})
		before := start
		for want := uint64(1); want <= 3; want++ {
			last := publish(t, b, "c", 1)
			for _, at := range []pubsub.Position{start, before} {
				asked := d.asked.Load()
				for _, items := range rush(t, b, 100, Limit{100, 1 << 20}, "c", pubsub.Behind(at)) {
					if g, ok := items[0].(*Gap); len(items) != 1 || !ok || g.Reason != pubsub.Trimmed || g.To != last.Pos {
						t.Fatalf("behind message %d, from %v: %v", want, at, offsets(items))
					}
				}
				if n := d.asked.Load() - asked; n > 2 {
					t.Errorf("a hundred that came at once cost %d reads", n)
				}
			}
			before = last.Pos
		}
		if got := offsets(live.pull()); !slices.Equal(got, []uint64{1, 2, 3}) {
			t.Errorf("who was there got %v", got)
		}
	})
}

func TestAThousandSubscribersBehindABreakCostOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := openScripted(t)
		d := &distant{Broker: s.Broker, away: 10 * time.Millisecond}
		s.Broker = d
		all := crowd(t, b, "c", 1000)

		(receiver{b}).Break("c")
		expectAll(t, pullAll(all))
		if n := d.asked.Swap(0); n != 2 { // the first followed it
			t.Errorf("nothing was missed: the log was read %d times, want once", n-1)
		}
		s.mute = true
		for range 10 {
			publish(t, b, "c", 1)
		}
		s.mute = false
		(receiver{b}).Break("c")
		got := pullAll(all[:400])
		time.Sleep(pageIdle / 2) // some are slower
		got = append(got, pullAll(all[400:])...)
		expectAll(t, got, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
		expectShared(t, got)
		if n := d.asked.Swap(0); n != 1 {
			t.Errorf("the log was read %d times, want once", n)
		}

		if _, err := b.Purge(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		expectAll(t, pullAll(all), 0)
		if n := d.asked.Swap(0); n != 1 {
			t.Errorf("behind a purge the log was read %d times, want once", n)
		}
		publish(t, b, "c", 1)
		expectAll(t, pullAll(all), 1)
		if n := d.asked.Load(); n != 0 {
			t.Errorf("live again, the log was read %d times", n)
		}
	})
}

// A hole that is longer than a page, and clients that take little at a time.
func TestAHoleOfManyPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, s := openScripted(t)
		d := &distant{Broker: s.Broker, away: 10 * time.Millisecond}
		s.Broker = d
		all := crowd(t, b, "c", 200)
		d.asked.Store(0)
		s.mute = true
		const n = 3*pageMessages - 1
		for range n {
			publish(t, b, "c", 1)
		}
		s.mute = false
		publish(t, b, "c", 1)
		var wg sync.WaitGroup
		for i, c := range all {
			wg.Go(func() {
				want := uint64(1)
				for range 10_000 {
					items, err := c.Pull(t.Context(), nil, Limit{Messages: 20 + i%100, Bytes: 1 << 20})
					if err != nil {
						t.Error(err)
					}
					for _, offset := range offsets(items) {
						if offset != want {
							t.Errorf("client %d: %d came, want %d", i, offset, want)
						}
						want++
					}
					if len(items) == 0 {
						break
					}
				}
				if want != n+2 {
					t.Errorf("client %d got %d of %d", i, want-1, n+1)
				}
			})
		}
		wg.Wait()
		if got := d.asked.Load(); got != 3 {
			t.Errorf("three pages cost %d reads", got)
		}
	})
}

func TestALogThatCannotBeReadIsTriedByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, a := openAiling(t, Options{Retry: 500 * time.Millisecond})
		all := crowd(t, b, "c", 300)
		a.away.Store(true)
		(receiver{b}).Break("c")
		for _, c := range all {
			<-c.woken
			if got := c.pull(); len(got) != 0 {
				t.Fatalf("got %v from a log that cannot be read", offsets(got))
			}
		}
		if n := a.reads.Load(); n != 1 {
			t.Errorf("it was tried %d times, want once", n)
		}
		a.away.Store(false)
		publish(t, b, "c", 1) // announced, and behind it all are read from the log
		for _, c := range all {
			<-c.woken
		}
		expectAll(t, pullAll(all), 1)
		if n := a.reads.Load(); n > 2 {
			t.Errorf("it was tried %d times", n)
		}
	})
}

func TestFromNowOnABrokenChannelCostsOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d := openDistant(t, 10*time.Millisecond)
		crowd(t, b, "c", 1)
		last := publish(t, b, "c", 1)
		(receiver{b}).Break("c")
		d.asked.Store(0)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				c := b.Connect(wakeUp(func() {}))
				defer c.Close()
				if pos, err := c.Subscribe(t.Context(), "c", pubsub.Start{}, nil); err != nil || pos != last.Pos {
					t.Errorf("at %v, %v; want %v", pos, err, last.Pos)
				}
			})
		}
		wg.Wait()
		if n := d.asked.Load(); n != 1 {
			t.Errorf("the log was asked %d times, want once", n)
		}
	})
}

func TestFromTheOldestKeptCostsOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d := openDistant(t, 10*time.Millisecond)
		for range 3 {
			publish(t, b, "c", 1)
		}
		crowd(t, b, "c", 1)
		d.asked.Store(0)
		got := rush(t, b, 1000, Limit{2, 1 << 20}, "c", pubsub.Behind(pubsub.Position{}))
		expectAll(t, got, 1, 2, 3)
		expectShared(t, got)
		if n := d.asked.Load(); n != 1 {
			t.Errorf("the log was read %d times, want once", n)
		}
	})
}
