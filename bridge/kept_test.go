package bridge

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestPagesAreKeptWhileTheyAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d := openDistant(t, 0)
		connect(t, b).subscribe("c", pubsub.Start{})
		at := front(publish(t, b, "c", 1))
		for range tailMessages + 20 {
			publish(t, b, "c", 1)
		}
		slow := connect(t, b)
		slow.subscribe("c", pubsub.Behind(at))
		d.asked.Store(0)
		for i := range 20 {
			items, err := slow.Pull(t.Context(), nil, Limit{Messages: 1, Bytes: 1})
			if err != nil || len(items) != 1 {
				t.Fatalf("%d items, %v", len(items), err)
			}
			if i == 0 && b.pages.Load() == 0 {
				t.Fatal("no page is kept")
			}
			time.Sleep(pageIdle - sweepEvery)
		}
		if n := d.asked.Load(); n != 1 {
			t.Errorf("20 messages, one a second, cost %d reads, want 1", n)
		}
		time.Sleep(pageIdle + 2*sweepEvery)
		synctest.Wait()
		if n := b.pages.Load(); n != 0 {
			t.Errorf("%d bytes of pages that nobody uses are kept", n)
		}
		if n := len(b.sweeper.keeping); n != 0 {
			t.Errorf("%d channels are looked after", n)
		}
		slow.pull()
		if n := d.asked.Load(); n != 2 {
			t.Errorf("then %d reads, want one more", n-1)
		}
	})
}

func TestPagesGoWithWhatTheyAreAbout(t *testing.T) {
	for name, end := range map[string]func(b *Bridge, c *consumer){
		"a break": func(b *Bridge, _ *consumer) { (receiver{b}).Break("c") },
		"the channel is left": func(b *Bridge, c *consumer) {
			c.Close()
			b.closeIdle(time.Now().Add(time.Hour))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := openDistant(t, 0)
			c := connect(t, b)
			c.subscribe("c", pubsub.Behind(front(publish(t, b, "c", 1))))
			publish(t, b, "c", 1)
			c.pull()
			if b.pages.Load() == 0 {
				t.Fatal("no page is kept")
			}
			end(b, c)
			if n := b.pages.Load(); n != 0 {
				t.Errorf("%d bytes of pages are kept", n)
			}
		})
	}
}

// Whoever reads the log of a channel that is no longer followed leaves nothing behind.
func TestAPageOfAChannelThatIsLeft(t *testing.T) {
	b, o := openOvertaken(t)
	c := connect(t, b)
	c.subscribe("c", pubsub.Behind(front(publish(t, b, "c", 1))))
	publish(t, b, "c", 1)
	o.then = func() {
		c.Close()
		b.closeIdle(time.Now().Add(time.Hour))
	}
	if _, err := c.Pull(t.Context(), nil, Limit{10, 1 << 20}); err != nil && b.lookup("c") != nil {
		t.Fatal("the channel lingers on")
	}
	if pages, tails := b.pages.Load(), b.tails.Load(); pages != 0 || tails != 0 {
		t.Errorf("%d bytes of pages and %d of tails count as kept for good", pages, tails)
	}
}

func TestKeptPagesAreBounded(t *testing.T) {
	b := open(t, Options{}, ample, nil)
	connect(t, b).subscribe("c", pubsub.Start{})
	ch := b.lookup("c")
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.readings = &readings{}
	at := func(i int) pubsub.Position { return pubsub.Position{Epoch: "e", Offset: uint64(10 * i)} }
	now := moment{time.Now(), 1}
	var one int64
	for i := range 3 * pagesKept {
		ch.keep(pageOf(pubsub.Behind(at(i)), at(i), 2))
		if i == 0 {
			one = b.pages.Load()
		}
		// Somebody goes on using the first one.
		now.time = time.Now()
		if sub := (subscription{pos: at(0), placed: true}); ch.kept(&sub, now) == nil {
			t.Fatalf("behind %d others, one that is used is gone", i)
		}
	}
	if n := len(ch.pages()); n != pagesKept || b.pages.Load() != int64(n)*one {
		t.Errorf("%d pages are kept, and %d bytes counted", n, b.pages.Load())
	}
	ch.keep(pageOf(pubsub.Behind(at(0)), at(0), 4))
	if sub := (subscription{pos: at(0), placed: true}); len(ch.kept(&sub, now).messages) != 4 {
		t.Error("one that was read anew does not replace its elder")
	}
	ch.dropAll()
	ch.keep(pageOf(pubsub.Behind(at(1)), at(1), 0))
	if len(ch.pages()) != 0 {
		t.Error("a page is kept that gives nobody anything")
	}
	b.pages.Add(pageBudget)
	ch.keep(pageOf(pubsub.Behind(at(1)), at(1), 2))
	if len(ch.pages()) != 0 {
		t.Error("over the budget of all, a page is kept")
	}
	b.pages.Add(-pageBudget)
}

// Over the budget a page serves those who wait for it, and is no larger than its reader wants.
func TestPagesOverTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, d := openDistant(t, 10*time.Millisecond)
		at := front(publish(t, b, "c", 1))
		for range 2 * tailMessages {
			publish(t, b, "c", 1)
		}
		crowd(t, b, "c", 1)
		b.pages.Add(pageBudget)
		defer b.pages.Add(-pageBudget)
		d.asked.Store(0)
		got := rush(t, b, 100, Limit{10, 1 << 20}, "c", pubsub.Behind(at))
		for i, items := range got {
			if len(items) != 2*tailMessages+1 {
				t.Fatalf("client %d got %d messages", i, len(items))
			}
		}
		if n := int(d.asked.Load()); n > 2*tailMessages/10+2 {
			t.Errorf("a hundred clients in step made %d reads", n)
		}
		if n := d.largest.Load(); n != 10 {
			t.Errorf("a page of %d messages was read, 10 were wanted", n)
		}
	})
}
