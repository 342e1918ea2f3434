package pubsubtest

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/wsbridge/wsbridge/pubsub"
)

func (s suite) idempotency(t *testing.T) {
	keyed := func(f *fixture, key string) pubsub.Publication {
		p := NewPublication(f.channel, "text")
		p.Event, p.Meta, p.Key = "event", map[string]string{"a": "1", "b": "2"}, key
		return p
	}

	t.Run("a repeat gets the first answer", func(t *testing.T) {
		f := s.start(t, Config{})
		f.mustFollow()
		first := f.must(keyed(f, "k"))
		f.add(2)
		for range 3 {
			p := keyed(f, "k") // with another id, as another instance would
			p.From = &pubsub.Sender{User: "u", Client: "another connection"}
			receipt := f.must(p)
			if m := receipt.Message; !receipt.Duplicate || m.ID != first.Message.ID || m.Pos != first.Message.Pos || m.Channel != f.channel {
				t.Fatalf("the repeat got %+v, duplicate: %v; want %+v", m, receipt.Duplicate, first.Message)
			}
		}
		last := f.must(NewPublication(f.channel, "last")).Message
		same(t, "the last offset", 4, last.Pos.Offset)
		same(t, "announcements", 4, len(f.recorder.WaitMessages(t, f.channel, 4)))
	})

	t.Run("40 parallel repeats store one message", func(t *testing.T) {
		f := s.start(t, Config{})
		var mu sync.Mutex
		firsts, ids := 0, make(map[uuid.UUID]bool)
		var publishing sync.WaitGroup
		for range 40 {
			publishing.Go(func() {
				receipt, err := f.Publish(f.ctx, keyed(f, "k"))
				if err != nil {
					t.Errorf("Publish: %v", err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				ids[receipt.Message.ID] = true
				if !receipt.Duplicate {
					firsts++
				}
			})
		}
		publishing.Wait()
		same(t, "first answers", 1, firsts)
		same(t, "ids answered", 1, len(ids))
		same(t, "messages stored", 1, len(f.read(pubsub.Position{}, all).Messages))
	})

	t.Run("other content is refused", func(t *testing.T) {
		f := s.start(t, Config{})
		f.must(keyed(f, "k"))
		for name, change := range map[string]func(*pubsub.Publication){
			"event":    func(p *pubsub.Publication) { p.Event = "other" },
			"no event": func(p *pubsub.Publication) { p.Event = "" },
			"data":     func(p *pubsub.Publication) { p.Data.Bytes = []byte(`"other"`) },
			"kind":     func(p *pubsub.Publication) { p.Data.Kind = pubsub.Binary },
			"no data":  func(p *pubsub.Publication) { p.Data = pubsub.Data{} },
			"bytes move from event to data": func(p *pubsub.Publication) {
				p.Event, p.Data.Bytes = "even", append([]byte("t"), p.Data.Bytes...)
			},
		} {
			p := keyed(f, "k")
			change(&p)
			if _, err := f.Publish(f.ctx, p); !errors.Is(err, pubsub.ErrKeyReused) {
				t.Errorf("%s: %v, want %v", name, err, pubsub.ErrKeyReused)
			}
		}
		same(t, "messages stored", 1, len(f.read(pubsub.Position{}, all).Messages))
		retried := keyed(f, "k")
		retried.Meta = map[string]string{"trace": "another try"}
		if !f.must(retried).Duplicate {
			t.Errorf("the same event and data with other meta are no duplicate")
		}
		if !f.must(keyed(f, "k")).Duplicate {
			t.Errorf("the first content is no duplicate any more")
		}
	})

	t.Run("keys and channels are apart", func(t *testing.T) {
		f := s.start(t, Config{})
		f.must(keyed(f, "k"))
		other := keyed(f, "k")
		other.Channel += ".other"
		for _, p := range []pubsub.Publication{keyed(f, "K"), keyed(f, ""), keyed(f, ""), other} {
			if f.must(p).Duplicate {
				t.Errorf("key %q of %s is a duplicate", p.Key, p.Channel)
			}
		}
	})

	t.Run("the window outlasts messages and purges", func(t *testing.T) {
		f := s.start(t, keeping(pubsub.Retention{}))
		first := f.must(keyed(f, "k"))
		f.mustPurge()
		receipt := f.must(keyed(f, "k"))
		if !receipt.Duplicate || receipt.Message.Pos != first.Message.Pos {
			t.Errorf("the repeat got %+v, want the position %s", receipt, first.Message.Pos)
		}
		same(t, "the end's offset", 0, f.info().Pos.Offset)
	})
}
