package bridge

import (
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/redisbroker"
)

// openRedis starts a bridge on a broker that counts what it asks a real Redis.
func openRedis(t *testing.T, s *redistest.Server) (*Bridge, *ailing) {
	broker, err := redisbroker.New(redisbroker.Options{Addrs: []string{s.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	a := &ailing{Broker: broker}
	return open(t, Options{}, ample, func(pubsub.Broker) pubsub.Broker { return a }), a
}

// arrived waits until announcements of a channel have come to a position.
func arrived(t *testing.T, b *Bridge, name pubsub.Channel, at pubsub.Position) {
	t.Helper()
	ch := b.lookup(name)
	for begin := time.Now(); ; time.Sleep(time.Millisecond) {
		ch.mu.Lock()
		end := ch.end
		ch.mu.Unlock()
		if end == at {
			return
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("announcements stand at %v, want %v", end, at)
		}
	}
}

// A crowd on one instance costs Redis one read when a message of another one has come between
// its polls, none when nothing has, and one when the channel breaks.
func TestACrowdOnRedis(t *testing.T) {
	s := redistest.Start(t)
	here, asked := openRedis(t, s)
	elsewhere, _ := openRedis(t, s)

	crowd := crowd(t, here, "c", 1000)
	start := front(publish(t, elsewhere, "c", 1))
	last := publish(t, elsewhere, "c", 1).Pos
	arrived(t, here, "c", last)
	if n := asked.follows.Load(); n != 1 {
		t.Errorf("the channel was followed %d times", n)
	}
	expectAll(t, pullAll(crowd), 1, 2)

	expectAll(t, rush(t, here, 1000, Limit{100, 1 << 20}, "c", pubsub.Behind(last)))
	if n := asked.reads.Load(); n != 0 {
		t.Errorf("a thousand polls at the end of the channel cost %d reads", n)
	}
	begin := time.Now()
	got := rush(t, here, 1000, Limit{100, 1 << 20}, "c", pubsub.Behind(start))
	expectAll(t, got, 1, 2)
	expectShared(t, got)
	// Where a thousand polls take that long, what was read first is too old for the last.
	if n, most := asked.reads.Swap(0), 1+int32(time.Since(begin)/proofAge); n > most {
		t.Errorf("a thousand polls behind two messages cost %d reads, want %d at most", n, most)
	}

	(receiver{here}).Break("c")
	expectAll(t, pullAll(crowd))
	if n := asked.reads.Load(); n != 1 {
		t.Errorf("a thousand subscribers behind a break cost %d reads, want 1", n)
	}
	last = publish(t, elsewhere, "c", 1).Pos
	arrived(t, here, "c", last)
	expectAll(t, pullAll(crowd), 3)
	if n := asked.reads.Load(); n != 1 {
		t.Errorf("live again, they cost %d reads", n-1)
	}
}
