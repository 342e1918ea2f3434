package pubsubtest

import (
	"strconv"
	"sync"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func (s suite) follow(t *testing.T) {
	t.Run("everything behind its end is announced", func(t *testing.T) {
		f := s.start(t, Config{})
		before := f.add(2)
		same(t, "the end", before[1].Pos, f.mustFollow())
		want := f.add(5)
		same(t, "the announcements", want, f.recorder.WaitMessages(t, f.channel, 5))
		same(t, "breaks", 0, f.recorder.Breaks(f.channel))
	})

	t.Run("in order under concurrent publishers, no hole, none twice", func(t *testing.T) {
		const publishers, each = 8, 50
		f := s.start(t, Config{})
		var publishing sync.WaitGroup
		half := make(chan struct{}, publishers)
		for i := range publishers {
			publishing.Go(func() {
				for j := range each {
					if j == each/2 {
						half <- struct{}{}
					}
					if _, err := f.Publish(f.ctx, NewPublication(f.channel, strconv.Itoa(i*each+j))); err != nil {
						t.Errorf("Publish: %v", err)
					}
				}
			})
		}
		<-half // somewhere in the middle
		end := f.mustFollow()
		publishing.Wait()
		last := f.read(pubsub.Position{}, all).End
		same(t, "the last offset", publishers*each, int(last.Offset))
		want := f.read(end, all).Messages
		f.recorder.Wait(t, "the last message", func() bool {
			seen := f.recorder.Messages(f.channel)
			return end == last || len(seen) > 0 && seen[len(seen)-1].Pos == last
		})
		// A broker may announce messages in front of the end that it returned as well.
		var behind []*pubsub.Message
		var offset uint64
		for _, m := range f.recorder.Messages(f.channel) {
			if m.Pos.Offset <= offset {
				t.Fatalf("offset %d was announced behind %d", m.Pos.Offset, offset)
			}
			if offset = m.Pos.Offset; offset > end.Offset {
				behind = append(behind, m)
			}
		}
		same(t, "the announcements behind the end", want, behind)
	})

	t.Run("only what is followed", func(t *testing.T) {
		f := s.start(t, Config{})
		other := f.channel + ".other"
		if _, err := f.Follow(f.ctx, other); err != nil {
			t.Fatalf("Follow: %v", err)
		}
		f.add(1)
		f.must(NewPublication(other, "x"))
		f.recorder.WaitMessages(t, other, 1)
		same(t, "announcements of a channel that is not followed", 0, len(f.recorder.Events(f.channel)))
	})

	t.Run("again after Unfollow", func(t *testing.T) {
		f := s.start(t, Config{})
		f.mustFollow()
		first := f.add(1)
		f.recorder.WaitMessages(t, f.channel, 1)
		f.Unfollow(f.channel)
		missed := f.add(3)
		same(t, "the new end", missed[2].Pos, f.mustFollow())
		last := f.add(1)[0]
		f.recorder.Wait(t, "the last message", func() bool {
			seen := f.recorder.Messages(f.channel)
			return seen[len(seen)-1].Pos == last.Pos
		})
		same(t, "the log", append(append(first, missed...), last), f.read(pubsub.Position{}, all).Messages)
	})

	t.Run("Unfollow of what was never followed", func(t *testing.T) {
		f := s.start(t, Config{})
		f.Unfollow(f.channel)
		f.add(1)
		same(t, "announcements", 0, len(f.recorder.Events(f.channel)))
	})

	t.Run("a position outlasts following", func(t *testing.T) {
		f := s.start(t, Config{})
		end := f.mustFollow()
		f.Unfollow(f.channel)
		messages := f.add(1)
		same(t, "the page", pubsub.Page{From: end, Messages: messages, End: messages[0].Pos}, f.read(end, all))
	})
}
