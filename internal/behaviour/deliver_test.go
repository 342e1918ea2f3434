package behaviour

import (
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

// interval is how often plain polls come.
const interval = 10 * time.Millisecond

func TestAPostReachesASubscriber(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			j := s.journal(t, named(t, "orders"))
			j.write(t, 3)
			l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{j.channel}})
			// It begins now: nothing of what was, everything from here on.
			for range 20 {
				j.follow(t, l, j.last())
			}
		})
	})
}

func TestSeveralChannelsInTheirOrders(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			journals := make(map[pubsub.Channel]*journal)
			var cursor pubsub.Cursor
			for _, name := range []string{"a", "b", "c"} {
				j := s.journal(t, named(t, name))
				j.write(t, 30)
				journals[j.channel] = j
				cursor = append(cursor, j.behind(0)...)
			}
			l := s.join(t, transport, raw.Options{Cursor: cursor})
			came := make(map[pubsub.Channel]int)
			for range 3 * 30 {
				m := l.message()
				came[m.Channel]++
				journals[m.Channel].is(t, m, came[m.Channel])
			}
			for c, n := range came {
				journals[c].follow(t, l, n)
			}
		})
	})
}
