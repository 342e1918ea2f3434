package membroker

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A pass is how long the sweeper takes to come by everywhere.
const pass = (sweepTicks + 1) * sweepTick

func TestSweepReleasesMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := plenty
		r.Age = time.Minute
		s := start(t, Options{Retention: keep(r), PositionTTL: time.Hour})
		const n = 1000
		records := func(n int) int64 {
			var bytes int64
			for i := range n {
				bytes += recordCost + int64(len(name(i)))
			}
			return bytes
		}
		for i := range n {
			s.send(keyed(name(i), "k"))
		}
		s.follow(name(0))
		time.Sleep(time.Minute + pass)
		var keys int64 = n * keyCost("k")
		same(t, "after the age: records and keys", records(n)+keys, s.Used())
		time.Sleep(pubsub.IdempotencyWindow)
		same(t, "after the window: records", records(n), s.Used())
		same(t, "which are pinned", records(1), s.memory.pinned.Load())
		time.Sleep(time.Hour)
		same(t, "after the time of positions: the followed one", records(1), s.Used())
		s.Unfollow(name(0))
		same(t, "what is pinned when nobody follows", 0, s.memory.pinned.Load())
		time.Sleep(time.Hour + pass)
		same(t, "in the end", 0, s.Used())
		same(t, "a list of idle logs", -1, s.idle.idle.oldest())
		same(t, "a list of followed logs", -1, s.idle.followed.oldest())
	})
}

func TestSweepUnlistsWhatHasNothingToLose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := plenty
		r.Age = time.Minute
		s := start(t, Options{Retention: keep(r)})
		s.follow("a")
		s.publish("a")
		if s.idle.followed.oldest() < 0 {
			t.Error("a followed log with a message is not listed")
		}
		time.Sleep(time.Minute + pass)
		same(t, "listed after the message is gone", -1, s.idle.followed.oldest())
		s.publish("a")
		if s.idle.followed.oldest() < 0 {
			t.Error("a followed log with a message again is not listed")
		}
	})
}
