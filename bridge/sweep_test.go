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
