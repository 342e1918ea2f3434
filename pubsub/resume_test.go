package pubsub_test

import (
	"slices"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

// view returns the view of a log that keeps the messages from front to end. The digest at
// offset n is 100+n, so that a test can see in a position where it comes from.
func view(e pubsub.Epoch, front, end uint64) pubsub.LogView {
	return pubsub.LogView{
		Front:    pubsub.Position{Epoch: e, Offset: front, Digest: pubsub.Digest(100 + front)},
		End:      pubsub.Position{Epoch: e, Offset: end, Digest: pubsub.Digest(100 + end)},
		Dropped:  pubsub.Trimmed,
		DigestAt: func(offset uint64) pubsub.Digest { return pubsub.Digest(100 + offset) },
	}
}

func TestResume(t *testing.T) {
	at := func(n uint64) pubsub.Position {
		return pubsub.Position{Epoch: "AAAAAAAA2", Offset: n, Digest: pubsub.Digest(100 + n)}
	}
	in := func(e pubsub.Epoch, n uint64) pubsub.Position { return pubsub.Position{Epoch: e, Offset: n} }
	log := view("AAAAAAAA2", 5, 9)
	overflown := log
	overflown.Dropped = pubsub.Overflow
	forked := func(p pubsub.Position, known bool) pubsub.LogView {
		log := log
		log.Fork = func(pubsub.Position) (pubsub.Position, bool) { return p, known }
		return log
	}
	wrong := func(p pubsub.Position) pubsub.Position { p.Digest++; return p }
	for _, test := range []struct {
		name string
		log  pubsub.LogView
		show pubsub.Position
		from pubsub.Position
		want pubsub.Reason // empty: no gap
	}{
		{"zero", log, pubsub.Position{}, at(5), ""},
		{"at the front", log, at(5), at(5), ""},
		{"in the middle", log, at(7), at(7), ""},
		{"at the end", log, at(9), at(9), ""},
		{"at the end of what keeps nothing", view("AAAAAAAA2", 9, 9), at(9), at(9), ""},
		{"older", log, at(4), at(5), pubsub.Trimmed},
		{"the beginning", log, at(0), at(5), pubsub.Trimmed},
		{"older than what keeps nothing", view("AAAAAAAA2", 9, 9), at(8), at(9), pubsub.Trimmed},
		{"older, memory was short", overflown, at(4), at(5), pubsub.Overflow},
		{"older, whatever its digest", log, wrong(at(4)), at(5), pubsub.Trimmed},
		{"digest differs", log, wrong(at(7)), at(7), pubsub.Rollback},
		{"digest differs at the front", log, wrong(at(5)), at(5), pubsub.Rollback},
		{"beyond the end", log, at(10), at(9), pubsub.Rollback},
		{"far beyond the end", log, in("AAAAAAAA2", 1<<64-1), at(9), pubsub.Rollback},
		{"beyond the end, the fork is known", forked(at(6), true), at(10), at(6), pubsub.Rollback},
		{"digest differs, the fork is known", forked(at(6), true), wrong(at(8)), at(6), pubsub.Rollback},
		{"the fork is in front of what is kept", forked(at(4), true), wrong(at(8)), at(8), pubsub.Rollback},
		{"the fork is not known", forked(at(6), false), wrong(at(8)), at(8), pubsub.Rollback},
		{"no fork is asked for without need", forked(at(6), true), at(8), at(8), ""},
		{"purged once since", log, in("AAAAAAAA1", 7), at(5), pubsub.Purged},
		{"purged twice since", log, in("AAAAAAAA", 7), at(5), pubsub.Purged},
		{"a later epoch of the log", log, in("AAAAAAAA3", 7), at(5), pubsub.Replaced},
		{"another epoch", log, in("other", 7), at(5), pubsub.Replaced},
	} {
		t.Run(test.name, func(t *testing.T) {
			from, gap := pubsub.Resume("c", test.log, test.show)
			same(t, "where it goes on", test.from, from)
			var want *pubsub.Gap
			if test.want != "" {
				want = &pubsub.Gap{Channel: "c", Reason: test.want, From: test.show, To: test.from}
			}
			same(t, "the gap", want, gap)
		})
	}
}

// FuzzResume compares Resume with a log that remembers every digest of every epoch: what
// a reader is given and what gaps cover must be what was appended.
func FuzzResume(f *testing.F) {
	f.Add(uint8(5), uint8(9), uint8(2), uint8(2), uint64(7), uint32(0))
	f.Add(uint8(0), uint8(0), uint8(0), uint8(1), uint64(0), uint32(0))
	f.Add(uint8(3), uint8(9), uint8(3), uint8(1), uint64(1<<63), uint32(1))
	lineage := []pubsub.Epoch{"AAAAAAAA"}
	for range 5 {
		lineage = append(lineage, lineage[len(lineage)-1].Purged())
	}
	f.Fuzz(func(t *testing.T, front, kept, epoch, shown uint8, offset uint64, wrong uint32) {
		now := lineage[int(epoch)%len(lineage)]
		epochs := append(slices.Clone(lineage), "elsewhere", "x")
		end := uint64(front) + uint64(kept)
		log := view(now, uint64(front), end)
		p := pubsub.Position{Epoch: epochs[int(shown)%len(epochs)], Offset: offset}
		p.Digest = log.DigestAt(offset) + pubsub.Digest(wrong)
		from, gap := pubsub.Resume("c", log, p)

		if from.Epoch != now || from.Offset < uint64(front) || from.Offset > end || from.Digest != log.DigestAt(from.Offset) {
			t.Fatalf("it goes on at %s, which is not in the log", from)
		}
		if gap != nil && (gap.From != p || gap.To != from || gap.Channel != "c") {
			t.Fatalf("the gap is %+v, shown was %s, it goes on at %s", gap, p, from)
		}
		stands := p.Epoch == now && offset >= uint64(front) && offset <= end && p.Digest == log.DigestAt(offset)
		if stands != (gap == nil) || stands && from != p {
			t.Fatalf("at %s of a log from %s to %s: %s, gap %+v", p, log.Front, log.End, from, gap)
		}
		if gap == nil {
			return
		}
		var want pubsub.Reason
		switch earlier := slices.Index(lineage, p.Epoch); {
		case p.Epoch == now && offset < uint64(front):
			want = pubsub.Trimmed
		case p.Epoch == now:
			want = pubsub.Rollback
		case earlier >= 0 && earlier < int(epoch)%len(lineage):
			want = pubsub.Purged
		default:
			want = pubsub.Replaced
		}
		if gap.Reason != want {
			t.Fatalf("the reason is %s, want %s", gap.Reason, want)
		}
		if want != pubsub.Rollback && from != log.Front {
			t.Fatalf("after %s it goes on at %s, want the front %s", want, from, log.Front)
		}
	})
}
