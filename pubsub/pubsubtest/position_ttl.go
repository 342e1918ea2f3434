package pubsubtest

import (
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

func (s suite) positionTTL(t *testing.T) {
	const ttl = 150 * time.Millisecond
	nothingKept := func(ttl time.Duration) Config {
		c := keeping(pubsub.Retention{})
		c.PositionTTL = ttl
		return c
	}

	// expired waits until a position is forgotten. Looking prolongs its life, so each look
	// comes later than the one before.
	expired := func(f *fixture, p pubsub.Position) {
		f.Helper()
		for wait := 2 * ttl; wait < Patience; wait *= 2 {
			time.Sleep(wait)
			page := f.read(p, all)
			if page.Gap == nil {
				continue
			}
			same(f, "the gap", &pubsub.Gap{Channel: f.channel, Reason: pubsub.Replaced, From: p, To: page.From}, page.Gap)
			same(f, "the new life's offset", 0, page.End.Offset)
			return
		}
		f.Fatalf("the position was not forgotten")
	}

	t.Run("a position nobody uses is forgotten", func(t *testing.T) {
		f := s.start(t, nothingKept(ttl))
		expired(f, f.add(1)[0].Pos)
	})

	t.Run("not as long as the channel is followed", func(t *testing.T) {
		f := s.start(t, nothingKept(ttl))
		p := f.add(1)[0].Pos
		f.mustFollow()
		time.Sleep(5 * ttl)
		same(t, "the page", pubsub.Page{From: p, End: p}, f.read(p, all))
		time.Sleep(5 * ttl)
		f.Unfollow(f.channel)
		expired(f, p)
	})

	t.Run("not as long as a message is kept", func(t *testing.T) {
		f := s.start(t, Config{PositionTTL: ttl})
		m := f.add(1)[0]
		time.Sleep(5 * ttl)
		same(t, "the page", pubsub.Page{From: front(m.Pos), Messages: []*pubsub.Message{m}, End: m.Pos}, f.read(front(m.Pos), all))
	})

	t.Run("longer than messages", func(t *testing.T) {
		c := keeping(pubsub.Retention{Count: 10, Age: 100 * time.Millisecond, Bytes: 1 << 20})
		f := s.start(t, c)
		p := f.add(1)[0].Pos
		f.await("the message to age out", func() bool { return f.info().Retained == 0 })
		time.Sleep(5 * ttl)
		same(t, "the page", pubsub.Page{From: p, End: p}, f.read(p, all))
	})
}
