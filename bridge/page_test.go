package bridge

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

// pageOf returns a page of n messages behind p, which was asked for at start.
func pageOf(start pubsub.Start, p pubsub.Position, n int) *page {
	pg := &page{start: start, from: p}
	for _, m := range chain(p, n, 10) {
		pg.messages = append(pg.messages, &Delivery{Message: m})
		pg.bytes += m.Size()
	}
	return pg
}

func TestPageKnowsItsPositions(t *testing.T) {
	shown := pubsub.Position{Epoch: "e", Offset: 2, Digest: 7}
	from := pubsub.Position{Epoch: "e", Offset: 4, Digest: 9}
	p := pageOf(pubsub.Behind(shown), from, 3)
	p.gap = &Gap{pubsub.Gap{Reason: pubsub.Trimmed, From: shown, To: from}}
	forged := p.messages[1].Message.Pos
	forged.Digest++
	for _, test := range []struct {
		name  string
		at    pubsub.Position
		known bool
		gap   bool
		n     int
		holds bool
	}{
		{"what was shown", shown, true, true, 3, false},
		{"behind the gap", from, true, false, 3, true},
		{"the first", p.messages[0].Message.Pos, true, false, 2, true},
		{"the last", p.last(), true, false, 0, true},
		{"in the gap", pubsub.Position{Epoch: "e", Offset: 3, Digest: 8}, false, false, 0, false},
		{"in front of it", pubsub.Position{Epoch: "e", Offset: 1}, false, false, 0, false},
		{"another digest behind the gap", pubsub.Position{Epoch: "e", Offset: 4, Digest: 10}, false, false, 0, false},
		{"another digest", forged, false, false, 0, false},
		{"another epoch", pubsub.Position{Epoch: "f", Offset: 5, Digest: p.messages[0].Message.Pos.Digest}, false, false, 0, false},
		{"beyond it", p.last().Next(uuid.Nil), false, false, 0, false},
		{"far beyond it", pubsub.Position{Epoch: "e", Offset: 1 << 62}, false, false, 0, false},
		{"zero", pubsub.Position{}, false, false, 0, false},
	} {
		gap, missed, known := p.behind(test.at)
		if known != test.known || (gap != nil) != test.gap || len(missed) != test.n {
			t.Errorf("%s: known %v, gap %v, %d missed; want %v, %v, %d", test.name, known, gap != nil, len(missed), test.known, test.gap, test.n)
		}
		if got := p.holds(test.at); got != test.holds {
			t.Errorf("%s: holds it: %v, want %v", test.name, got, test.holds)
		}
	}
}

// What was read from now, or from the oldest kept, has no position at which it begins.
func TestPageFromNowAndFromTheOldestKept(t *testing.T) {
	from := pubsub.Position{Epoch: "e", Offset: 4}
	now := pageOf(pubsub.Start{}, from, 0)
	if _, _, known := now.behind(pubsub.Position{}); known {
		t.Error("who wants the oldest kept is given what was read from now")
	}
	oldest := pageOf(pubsub.Behind(pubsub.Position{}), from, 2)
	for _, at := range []pubsub.Position{{}, from} {
		if _, missed, known := oldest.behind(at); !known || len(missed) != 2 {
			t.Errorf("at %v: %d missed, known %v", at, len(missed), known)
		}
	}
}

func TestWhomAPageDecidesFor(t *testing.T) {
	now := moment{time.Now(), 1}
	full := pageOf(pubsub.Start{Resume: true}, pubsub.Position{Epoch: "e"}, 1)
	empty := pageOf(pubsub.Start{Resume: true}, pubsub.Position{Epoch: "e"}, 0)
	for _, test := range []struct {
		name        string
		sub         subscription
		age         time.Duration
		full, empty bool
	}{
		{"one whom the log has placed", subscription{placed: true, joined: 9}, time.Hour, true, true},
		{"one who was there before", subscription{joined: 4}, time.Hour, true, true},
		{"one who came meanwhile", subscription{joined: 5}, proofAge, true, false},
		{"one who came too late", subscription{joined: 5}, proofAge + 1, false, false},
	} {
		for _, p := range []*page{full, empty} {
			p.number, p.began = 5, moment{now.time.Add(-test.age), 1}
		}
		if got := full.decides(&test.sub, now); got != test.full {
			t.Errorf("%s, a page with a message: %v", test.name, got)
		}
		if got := empty.decides(&test.sub, now); got != test.empty {
			t.Errorf("%s, a page without: %v", test.name, got)
		}
	}
}

func TestWhatAPageContradicts(t *testing.T) {
	from := pubsub.Position{Epoch: "e", Offset: 4, Digest: 9}
	p := pageOf(pubsub.Behind(from), from, 3)
	second, last := p.messages[1].Message.Pos, p.last()
	other := func(p pubsub.Position) pubsub.Position {
		p.Digest++
		return p
	}
	more := last.Next(uuid.Nil)
	for _, test := range []struct {
		name           string
		announced, end pubsub.Position
		want           bool
	}{
		{"unknown", pubsub.Position{}, last, false},
		{"the end", last, last, false},
		{"in the page", second, last, false},
		{"where it begins", from, last, false},
		{"in front of it", pubsub.Position{Epoch: "e", Offset: 2, Digest: 1}, last, false},
		{"behind it, not further than the log", more, more, false},
		{"behind the log", more, last, true},
		{"another one in the page", other(second), last, true},
		{"another one at its end", other(last), more, true},
		{"another one where it begins", other(from), last, true},
		{"another epoch", pubsub.Position{Epoch: "d", Offset: 2}, last, true},
	} {
		if got := p.contradicts(test.announced, test.end); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
