package bridge

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A broker may announce a little longer than a channel is followed.
func TestAnAnnouncementBehindTheEndOfAChannelIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, Options{Linger: time.Second}, ample, nil)
		c := connect(t, b)
		c.subscribe("c", pubsub.Start{})
		ch := b.lookup("c")
		m := publish(t, b, "c", 1000)
		c.Close()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if b.lookup("c") != nil {
			t.Fatal("the channel lingers on")
		}
		ch.message(m) // by a receiver that had found the channel before
		if n := b.tails.Load(); n != 0 {
			t.Errorf("%d bytes count as kept for good", n)
		}
	})
}

// A client that was idle for long has the same time as everyone else once its queue is full.
func TestAStallBeginsWhenTheQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, Options{Queue: 4 << 10, Stall: 5 * time.Second}, ample, nil)
		c := connect(t, b)
		c.subscribe("c", pubsub.Start{})
		c.pull()
		time.Sleep(time.Hour)
		for range 10 {
			publish(t, b, "c", 1000)
		}
		time.Sleep(4 * time.Second)
		synctest.Wait()
		select {
		case err := <-c.cause:
			t.Fatalf("stopped before its time: %v", err)
		default:
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		select {
		case <-c.cause:
		default:
			t.Fatal("it stands still and was not stopped")
		}
	})
}

// Of two logs that could not be read, the one that failed later is tried again as well.
func TestLogsThatFailedOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, a := openAiling(t, Options{Retry: 500 * time.Millisecond})
		c := connect(t, b)
		names := []pubsub.Channel{"early", "late"}
		for _, name := range names {
			c.subscribe(name, pubsub.Start{})
		}
		c.pull()
		a.away.Store(true)
		for _, name := range names {
			(receiver{b}).Break(name)
			<-c.woken
			c.pull()
			time.Sleep(400 * time.Millisecond)
		}
		a.away.Store(false)
		got := 0
		for _, name := range names {
			publish(t, b, name, 1)
		}
		for got < len(names) {
			<-c.woken
			got += len(c.pull())
		}
		time.Sleep(2 * sweepEvery)
		synctest.Wait()
		if n := len(b.sweeper.reminders); n != 0 {
			t.Errorf("%d clients are reminded of nothing", n)
		}
	})
}
