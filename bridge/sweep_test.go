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
