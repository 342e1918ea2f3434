package pubsubtest

import (
	"slices"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func (s suite) purge(t *testing.T) {
	t.Run("forgets the log and begins a new epoch", func(t *testing.T) {
		f := s.start(t, Config{})
		old := f.add(3)
		pos := f.mustPurge()
		if pos.Epoch == old[0].Pos.Epoch || pos.Offset != 0 || pos.Digest != 0 {
			t.Errorf("the purged log stands at %s, behind %s", pos, old[2].Pos)
		}
		same(t, "from the front", pubsub.Page{From: pos, End: pos}, f.read(pubsub.Position{}, all))
		messages := f.add(2)
		same(t, "the first offset", 1, messages[0].Pos.Offset)
		for _, m := range old {
			same(t, "from an old position", pubsub.Page{
				Gap:  &pubsub.Gap{Channel: f.channel, Reason: pubsub.Purged, From: m.Pos, To: pos},
				From: pos, Messages: messages, End: messages[1].Pos,
			}, f.read(m.Pos, all))
		}
	})

	t.Run("is known for all earlier epochs", func(t *testing.T) {
		f := s.start(t, Config{})
		positions := []pubsub.Position{f.add(1)[0].Pos}
		for range 12 {
			positions = append(positions, f.mustPurge())
		}
		last := positions[len(positions)-1]
		for _, p := range positions[:len(positions)-1] {
			same(t, "the gap", &pubsub.Gap{Channel: f.channel, Reason: pubsub.Purged, From: p, To: last}, f.read(p, all).Gap)
		}
		same(t, "the gap at the end", nil, f.read(last, all).Gap)
	})

	t.Run("breaks what is followed, in its place", func(t *testing.T) {
		f := s.start(t, Config{})
		f.mustFollow()
		before := f.add(2)
		pos := f.mustPurge()
		f.recorder.WaitBreaks(t, f.channel, 1)
		same(t, "what was read after the break", pubsub.Page{From: pos, End: pos}, f.read(pubsub.Position{}, all))
		after := f.add(2)
		f.recorder.WaitMessages(t, f.channel, 4)
		// A broker may break once too often, as when it read the log in the same moment.
		events := slices.CompactFunc(f.recorder.Events(f.channel), func(a, b Event) bool { return a.Message == nil && b.Message == nil })
		same(t, "the announcements", []Event{{before[0]}, {before[1]}, {}, {after[0]}, {after[1]}}, events)
	})

	t.Run("breaks nothing else", func(t *testing.T) {
		f := s.start(t, Config{})
		f.mustFollow()
		if _, err := f.Purge(f.ctx, f.channel+".other"); err != nil {
			t.Fatalf("Purge: %v", err)
		}
		f.add(1)
		f.recorder.WaitMessages(t, f.channel, 1)
		same(t, "breaks", 0, f.recorder.Breaks(f.channel))
	})
}
