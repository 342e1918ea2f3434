package load

import "slices"

// A ledger holds which numbers of a channel one client has seen. Its owner is the goroutine of
// that client, and after its end whoever reports.
type ledger struct {
	highest uint64
	holes   []hole // below highest, ascending
}

// A hole is a run of numbers that were not seen.
type hole struct{ first, last uint64 }

// maxHoles bounds what a ledger holds of a server that loses and shuffles without end. Beyond,
// the oldest hole is lost for good: what still comes of it counts as doubled.
const maxHoles = 1000

type verdict int

const (
	inOrder verdict = iota
	outOfOrder
	doubled
)

// see notes that number n came. filled tells how many numbers a hole lost that was given up.
func (l *ledger) see(n uint64) (v verdict, givenUp uint64) {
	if n > l.highest {
		if n > l.highest+1 {
			if len(l.holes) == maxHoles {
				givenUp = l.holes[0].last - l.holes[0].first + 1
				l.holes = slices.Delete(l.holes, 0, 1)
			}
			l.holes = append(l.holes, hole{l.highest + 1, n - 1})
		}
		l.highest = n
		return inOrder, givenUp
	}
	for i, h := range l.holes {
		if n < h.first || n > h.last {
			continue
		}
		l.holes = slices.Delete(l.holes, i, i+1)
		if n < h.last {
			l.holes = slices.Insert(l.holes, i, hole{n + 1, h.last})
		}
		if n > h.first {
			l.holes = slices.Insert(l.holes, i, hole{h.first, n - 1})
		}
		return outOfOrder, 0
	}
	return doubled, 0
}

// missing counts the numbers from 1 to sent that were not seen, but for those, in ascending
// order, that may rightly be missing.
func (l *ledger) missing(sent uint64, excused []uint64) (n uint64) {
	l.highest = min(l.highest, sent)
	holes := append(slices.Clip(l.holes), hole{l.highest + 1, sent})
	for _, h := range holes {
		n += h.last + 1 - h.first
		from, _ := slices.BinarySearch(excused, h.first)
		behind, _ := slices.BinarySearch(excused, h.last+1)
		n -= uint64(behind - from)
	}
	return n
}
