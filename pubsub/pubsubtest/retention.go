package pubsubtest

import (
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

func (s suite) retention(t *testing.T) {
	const long = time.Hour

	t.Run("by count", func(t *testing.T) {
		f := s.start(t, keeping(pubsub.Retention{Count: 3, Age: long, Bytes: 1 << 20}))
		messages := f.add(10)
		same(t, "what is kept", messages[7:], f.read(pubsub.Position{}, all).Messages)
	})

	t.Run("by bytes", func(t *testing.T) {
		size := int64((&pubsub.Message{Data: NewPublication("c", "0").Data}).Size())
		f := s.start(t, keeping(pubsub.Retention{Count: 100, Age: long, Bytes: 4*size + 1}))
		messages := f.add(10)
		same(t, "what is kept", messages[6:], f.read(pubsub.Position{}, all).Messages)
	})

	t.Run("a message larger than all that may be kept", func(t *testing.T) {
		f := s.start(t, keeping(pubsub.Retention{Count: 100, Age: long, Bytes: 1000}))
		f.add(2)
		p := NewPublication(f.channel, "")
		p.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, 1001)}
		m := f.must(p).Message
		page := f.read(pubsub.Position{}, all)
		same(t, "the page", pubsub.Page{From: m.Pos, End: m.Pos}, page)
	})

	t.Run("by age", func(t *testing.T) {
		f := s.start(t, keeping(pubsub.Retention{Count: 100, Age: 200 * time.Millisecond, Bytes: 1 << 20}))
		end := f.add(3)[2].Pos
		f.await("messages to age out", func() bool { return f.info().Retained == 0 })
		same(t, "the page", pubsub.Page{From: end, End: end}, f.read(pubsub.Position{}, all))
		next := f.add(1)[0]
		if next.Pos.Offset != 4 || next.Pos.Epoch != end.Epoch {
			t.Errorf("the next message stands at %s, behind %s", next.Pos, end)
		}
	})

	t.Run("off", func(t *testing.T) {
		f := s.start(t, keeping(pubsub.Retention{}))
		f.mustFollow()
		messages := f.add(3)
		end := messages[2].Pos
		same(t, "the end's offset", 3, end.Offset)
		same(t, "the announcements", messages, f.recorder.WaitMessages(t, f.channel, 3))
		same(t, "from the front", pubsub.Page{From: end, End: end}, f.read(pubsub.Position{}, all))
		same(t, "from the end", pubsub.Page{From: end, End: end}, f.read(end, all))
		same(t, "from before", pubsub.Page{
			Gap:  &pubsub.Gap{Channel: f.channel, Reason: pubsub.Trimmed, From: messages[0].Pos, To: end},
			From: end, End: end,
		}, f.read(messages[0].Pos, all))
	})

	t.Run("by channel", func(t *testing.T) {
		f := s.start(t, Config{Retention: func(c pubsub.Channel) pubsub.Retention {
			r := pubsub.DefaultRetention
			if c.Namespace() == "test" {
				r.Count = 2
			}
			return r
		}})
		f.add(5)
		same(t, "kept in test", 2, f.info().Retained)
		f.channel = pubsub.Channel("other" + string(f.channel[4:]))
		f.add(5)
		same(t, "kept elsewhere", 5, f.info().Retained)
	})
}
