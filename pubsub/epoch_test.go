package pubsub_test

import (
	"regexp"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

var epochPattern = regexp.MustCompile(`^[A-Za-z0-9]{1,16}$`)

func TestNewEpoch(t *testing.T) {
	seen := make(map[pubsub.Epoch]bool)
	for range 10_000 {
		e := pubsub.NewEpoch()
		if !epochPattern.MatchString(string(e)) || len(e) != 8 {
			t.Fatalf("NewEpoch() = %q", e)
		}
		if seen[e] {
			t.Fatalf("NewEpoch() = %q, twice", e)
		}
		seen[e] = true
	}
}

func TestEpochPurged(t *testing.T) {
	lineage := []pubsub.Epoch{pubsub.NewEpoch()}
	for range 120 {
		next := lineage[len(lineage)-1].Purged()
		if !epochPattern.MatchString(string(next)) {
			t.Fatalf("Purged() = %q", next)
		}
		lineage = append(lineage, next)
	}
	for i, e := range lineage {
		for j, earlier := range lineage {
			if got := e.PurgedFrom(earlier); got != (j < i) {
				t.Fatalf("%q purged from %q: %v", e, earlier, got)
			}
		}
		if e.PurgedFrom(pubsub.NewEpoch()) {
			t.Fatalf("%q purged from another log", e)
		}
	}
}

func TestEpochPurgedAtTheEnd(t *testing.T) {
	for _, e := range []pubsub.Epoch{
		"abcdefgh99999999", // no room to count on
		"x", "", "abcdefg", // made elsewhere
		"abcdefgh01", "abcdefgh0", // as are those
		"abcdefghi", "abcdefgh1x",
	} {
		next := e.Purged()
		if len(next) != 8 || next == e {
			t.Errorf("%q.Purged() = %q, want a new epoch", e, next)
		}
		if next.PurgedFrom(e) {
			t.Errorf("%q is purged from %q, which it cannot know", next, e)
		}
	}
}

func TestEpochPurgedFromForged(t *testing.T) {
	for _, forged := range []pubsub.Epoch{"", "abcdefg", "abcdefgh01", "abcdefgh+1", "abcdefgh-1", "abcdefgh3", "abcdefgh4", "Abcdefgh", "abcdefgh1 "} {
		if pubsub.Epoch("abcdefgh3").PurgedFrom(forged) {
			t.Errorf("abcdefgh3 is purged from %q", forged)
		}
	}
}
