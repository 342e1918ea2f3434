package pubsubtest

import (
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

func (s suite) list(t *testing.T) {
	t.Run("Info", func(t *testing.T) {
		f := s.start(t, keeping(pubsub.Retention{Count: 2, Age: time.Hour, Bytes: 1 << 20}))
		unused := f.info()
		same(t, "an unused channel", pubsub.Info{Channel: f.channel, Pos: front(unused.Pos)}, unused)
		end := f.add(5)[4].Pos
		same(t, "a used one", pubsub.Info{Channel: f.channel, Pos: end, Retained: 2}, f.info())
		f.recorder.SetSubscribers(f.channel, 3)
		f.mustFollow()
		f.await("subscribers to be counted", func() bool { return f.info().Subscribers == 3 })
		same(t, "a followed one", pubsub.Info{Channel: f.channel, Pos: end, Retained: 2, Subscribers: 3}, f.info())
	})

	t.Run("Channels", func(t *testing.T) {
		f := s.start(t, Config{})
		prefix := f.channel + ":"
		name := func(s string) pubsub.Channel { return prefix + pubsub.Channel(s) }
		var want []pubsub.Info
		for _, n := range []string{"a", "b", "b.1", "b.2", "c"} {
			m := f.must(NewPublication(name(n), "x")).Message
			want = append(want, pubsub.Info{Channel: m.Channel, Pos: m.Pos, Retained: 1})
		}
		// A channel that is only known is not active; one that is only followed is.
		if _, err := f.Info(f.ctx, name("known")); err != nil {
			t.Fatalf("Info: %v", err)
		}
		f.recorder.SetSubscribers(name("d"), 1)
		pos, err := f.Follow(f.ctx, name("d"))
		if err != nil {
			t.Fatalf("Follow: %v", err)
		}
		want = append(want, pubsub.Info{Channel: name("d"), Pos: pos, Subscribers: 1})

		channels := func(prefix, after pubsub.Channel, limit int) []pubsub.Info {
			t.Helper()
			page, err := f.Channels(f.ctx, string(prefix), after, limit)
			if err != nil {
				t.Fatalf("Channels: %v", err)
			}
			return page
		}
		f.await("all to be listed", func() bool { return len(channels(prefix, "", 100)) == len(want) })
		same(t, "all", want, channels(prefix, "", 100))
		same(t, "by prefix", want[1:4], channels(name("b"), "", 100))
		same(t, "behind a name", want[3:], channels(prefix, name("b.1"), 100))
		same(t, "behind a name that is none", want[3:], channels(prefix, name("b.11"), 100))
		same(t, "a prefix nobody has", 0, len(channels(name("zz"), "", 100)))
		var paged []pubsub.Info
		for after := pubsub.Channel(""); ; {
			page := channels(prefix, after, 2)
			if len(page) == 0 {
				break
			}
			if len(page) > 2 {
				t.Fatalf("a page of %d, want at most 2", len(page))
			}
			paged = append(paged, page...)
			after = page[len(page)-1].Channel
		}
		same(t, "page by page", want, paged)
	})
}
