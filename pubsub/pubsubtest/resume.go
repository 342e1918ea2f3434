package pubsubtest

import (
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// resume goes through the table under "Resuming" of docs/protocol.md.
func (s suite) resume(t *testing.T) {
	const kept, trimmed = 6, 4
	f := s.start(t, keeping(pubsub.Retention{Count: kept, Age: time.Hour, Bytes: 1 << 20}))
	messages := f.add(trimmed + kept)
	at := []pubsub.Position{front(messages[0].Pos)}
	for _, m := range messages {
		at = append(at, m.Pos)
	}
	oldest, end := at[trimmed], at[len(at)-1]

	forged := func(p pubsub.Position, change func(*pubsub.Position)) pubsub.Position {
		change(&p)
		return p
	}
	wrong := func(p *pubsub.Position) { p.Digest ^= 1 }
	beyond := func(p *pubsub.Position) { p.Offset += 100 }
	epoch := func(e pubsub.Epoch) func(*pubsub.Position) {
		return func(p *pubsub.Position) { p.Epoch = e }
	}
	for _, test := range []struct {
		name  string
		since pubsub.Position
		from  pubsub.Position
		gap   pubsub.Reason // empty: none
	}{
		{"in front of the oldest kept", oldest, oldest, ""},
		{"in the middle", at[7], at[7], ""},
		{"at the end", end, end, ""},
		{"zero", pubsub.Position{}, oldest, ""},
		{"one older than the oldest kept", at[trimmed-1], oldest, pubsub.Trimmed},
		{"the very beginning", at[0], oldest, pubsub.Trimmed},
		{"digest differs at the front", forged(oldest, wrong), oldest, pubsub.Rollback},
		{"digest differs in the middle", forged(at[7], wrong), at[7], pubsub.Rollback},
		{"digest differs at the end", forged(end, wrong), end, pubsub.Rollback},
		{"beyond the end", forged(end, beyond), end, pubsub.Rollback},
		{"one beyond the end", end.Next(messages[0].ID), end, pubsub.Rollback},
		{"the largest offset", pubsub.Position{Epoch: end.Epoch, Offset: 1<<64 - 1}, end, pubsub.Rollback},
		{"another epoch", forged(at[7], epoch(pubsub.NewEpoch())), oldest, pubsub.Replaced},
		{"an epoch made elsewhere", forged(at[7], epoch("x")), oldest, pubsub.Replaced},
		{"a later epoch of this log", forged(at[7], epoch(end.Epoch.Purged())), oldest, pubsub.Replaced},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := *f
			f.T = t
			want := pubsub.Page{From: test.from, Messages: messages[test.from.Offset:], End: end}
			if len(want.Messages) == 0 {
				want.Messages = nil
			}
			if test.gap != "" {
				want.Gap = &pubsub.Gap{Channel: f.channel, Reason: test.gap, From: test.since, To: test.from}
			}
			same(t, "the page", want, f.read(test.since, all))
		})
	}

	t.Run("all has aged out", func(t *testing.T) {
		f := s.start(t, keeping(pubsub.Retention{Count: 100, Age: 200 * time.Millisecond, Bytes: 1 << 20}))
		messages := f.add(3)
		end := messages[2].Pos
		f.await("messages to age out", func() bool { return f.info().Retained == 0 })
		same(t, "from the end", pubsub.Page{From: end, End: end}, f.read(end, all))
		same(t, "from before", pubsub.Page{
			Gap:  &pubsub.Gap{Channel: f.channel, Reason: pubsub.Trimmed, From: messages[1].Pos, To: end},
			From: end, End: end,
		}, f.read(messages[1].Pos, all))
	})

	t.Run("a channel nobody published to", func(t *testing.T) {
		for _, hand := range []struct {
			name string
			out  func(f *fixture) pubsub.Position
		}{
			{"Read", func(f *fixture) pubsub.Position { return f.read(pubsub.Position{}, all).From }},
			{"ReadBack", func(f *fixture) pubsub.Position { return f.readBack(pubsub.Position{}, all).From }},
			{"Follow", func(f *fixture) pubsub.Position { return f.mustFollow() }},
			{"Purge", func(f *fixture) pubsub.Position { return f.mustPurge() }},
			{"Info", func(f *fixture) pubsub.Position { return f.info().Pos }},
		} {
			t.Run(hand.name, func(t *testing.T) {
				f := s.start(t, Config{})
				pos := hand.out(f)
				messages := f.add(2)
				same(t, "the page", pubsub.Page{From: pos, Messages: messages, End: messages[1].Pos}, f.read(pos, all))
			})
		}
	})

	t.Run("after a gap it goes on without another", func(t *testing.T) {
		page := f.read(at[0], pubsub.Limit{Messages: 2})
		rest := f.read(page.Last(), all)
		if rest.Gap != nil {
			t.Errorf("a second gap: %+v", rest.Gap)
		}
		same(t, "all pages", messages[trimmed:], append(page.Messages, rest.Messages...))
	})
}
