package load

import (
	"math/rand/v2"
	"testing"
)

func TestLedger(t *testing.T) {
	for _, tt := range []struct {
		name        string
		seen        []uint64
		sent        uint64
		excused     []uint64
		late, again int
		missing     uint64
	}{
		{"nothing sent", nil, 0, nil, 0, 0, 0},
		{"all", []uint64{1, 2, 3}, 3, nil, 0, 0, 0},
		{"none", nil, 3, nil, 0, 0, 3},
		{"the first", []uint64{2, 3}, 3, nil, 0, 0, 1},
		{"the last", []uint64{1, 2}, 3, nil, 0, 0, 1},
		{"twice", []uint64{1, 2, 2, 3}, 3, nil, 0, 1, 0},
		{"swapped", []uint64{1, 3, 2, 4}, 4, nil, 1, 0, 0},
		{"out of a hole", []uint64{1, 9, 5, 5, 2, 8}, 9, nil, 3, 1, 4},
		{"excused", []uint64{1, 4}, 6, []uint64{2, 6}, 0, 0, 2},
		{"excused, and came", []uint64{1, 2, 3}, 3, []uint64{2}, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var l ledger
			late, again := 0, 0
			for _, n := range tt.seen {
				switch v, _ := l.see(n); v {
				case outOfOrder:
					late++
				case doubled:
					again++
				}
			}
			if late != tt.late || again != tt.again {
				t.Errorf("%d out of order and %d doubled, not %d and %d", late, again, tt.late, tt.again)
			}
			if n := l.missing(tt.sent, tt.excused); n != tt.missing {
				t.Errorf("%d are missing, not %d", n, tt.missing)
			}
		})
	}
}

// TestLedgerAgainstSets shuffles, drops and doubles, and compares with what sets say.
func TestLedgerAgainstSets(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		var l ledger
		seen := make(map[uint64]bool)
		const sent = 300
		var highest uint64
		for range 400 {
			n := 1 + random.Uint64N(sent)
			expected := inOrder
			switch {
			case seen[n]:
				expected = doubled
			case n < highest:
				expected = outOfOrder
			}
			if v, _ := l.see(n); v != expected {
				t.Fatalf("seed %d: %d is %v, not %v", seed, n, v, expected)
			}
			seen[n] = true
			highest = max(highest, n)
		}
		if n := l.missing(sent, nil); n != sent-uint64(len(seen)) {
			t.Fatalf("seed %d: %d are missing, not %d", seed, n, sent-len(seen))
		}
	}
}

func TestLedgerIsBounded(t *testing.T) {
	var l ledger
	var lost uint64
	const seen = 3 * maxHoles
	for i := range uint64(seen) {
		_, n := l.see(2 * (i + 1)) // every other number is missing
		lost += n
	}
	if len(l.holes) != maxHoles {
		t.Errorf("%d holes are kept", len(l.holes))
	}
	if lost += l.missing(2*seen, nil); lost != seen {
		t.Errorf("%d are lost, not %d", lost, seen)
	}
}
