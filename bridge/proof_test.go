package bridge

import (
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestWhatAPageProves(t *testing.T) {
	from := pubsub.Position{Epoch: "e", Offset: 10, Digest: 1}
	now := moment{time.Now(), 1}
	p := pageOf(pubsub.Behind(from), from, 5)
	p.began = now
	empty := pageOf(pubsub.Behind(from), from, 0)
	empty.began = now
	undone := p.messages[2].Message.Pos
	undone.Digest++
	for _, test := range []struct {
		name   string
		page   *page
		end    pubsub.Position // of announcements
		proves bool
	}{
		{"to the end", p, p.last(), true},
		{"over the end", p, p.messages[2].Message.Pos, true},
		{"from the end", p, from, true},
		{"not to the end", p, p.last().Next(p.messages[0].Message.ID), false},
		{"another branch", p, undone, false},
		{"the end is unknown", p, pubsub.Position{}, false},
		{"nothing is there", empty, from, false},
	} {
		var pr proof
		pr.take(test.page, test.end)
		if got := pr.covers(from, now); got != test.proves {
			t.Errorf("%s: %v, want %v", test.name, got, test.proves)
		}
	}
}

func TestWhatAProofCovers(t *testing.T) {
	now := moment{time.Now(), 1}
	pr := proof{pubsub.Position{Epoch: "e", Offset: 10, Digest: 1}, now}
	for _, test := range []struct {
		name string
		at   pubsub.Position
		age  time.Duration
		want bool
	}{
		{"where it begins", pr.from, proofAge, true},
		{"behind it", pubsub.Position{Epoch: "e", Offset: 99}, 0, true},
		{"in front of it", pubsub.Position{Epoch: "e", Offset: 9}, 0, false},
		{"another epoch", pubsub.Position{Epoch: "f", Offset: 11}, 0, false},
		{"too late", pr.from, proofAge + 1, false},
	} {
		if got := pr.covers(test.at, moment{now.time.Add(test.age), 1}); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	if (&proof{}).covers(pubsub.Position{}, now) {
		t.Error("no proof covers something")
	}
}

// Of two proofs, the one that reaches further back stays while it counts.
func TestProofsThatFollowEachOther(t *testing.T) {
	early := pubsub.Position{Epoch: "e", Offset: 10, Digest: 1}
	now := time.Now()
	at := func(p pubsub.Position, began time.Time) *page {
		pg := pageOf(pubsub.Behind(p), p, 5)
		pg.began = moment{began, 1}
		return pg
	}
	first := at(early, now)
	late := first.last()
	var pr proof
	pr.take(first, late)
	second := at(late, now.Add(proofAge/2))
	pr.take(second, second.last())
	if pr.from != early {
		t.Errorf("it begins at %v, want %v", pr.from, early)
	}
	third := at(late, now.Add(2*proofAge))
	pr.take(third, third.last())
	if pr.from != late || pr.began != third.began {
		t.Errorf("when it is too old it begins at %v, want %v", pr.from, late)
	}
	fourth := at(early, now.Add(2*proofAge))
	pr.take(fourth, fourth.last())
	if pr.from != early {
		t.Errorf("one that reaches further back begins at %v, want %v", pr.from, early)
	}
}
