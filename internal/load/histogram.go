package load

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram counts times, up to 64 in each power of two, so that what it tells is at most
// 1/64 too long. Any number of goroutines may record at once.
type histogram struct {
	counts [steps]atomic.Int64
	total  atomic.Int64
	max    atomic.Int64 // nanoseconds, exact
}

const (
	stepBits = 6
	steps    = (63 - stepBits + 1) << stepBits
)

func step(ns int64) int {
	if ns < 1<<(stepBits+1) {
		return int(max(ns, 0))
	}
	shift := bits.Len64(uint64(ns)) - stepBits - 1
	return shift<<stepBits + int(ns>>shift)
}

// upper returns the longest time of a step, in nanoseconds.
func upper(i int) int64 {
	if i < 1<<(stepBits+1) {
		return int64(i)
	}
	shift := i>>stepBits - 1
	return (int64(i-shift<<stepBits)+1)<<shift - 1
}

func (h *histogram) record(d time.Duration) {
	ns := int64(d)
	h.counts[step(ns)].Add(1)
	h.total.Add(1)
	for seen := h.max.Load(); ns > seen && !h.max.CompareAndSwap(seen, ns); seen = h.max.Load() {
	}
}

// quantile returns the time within which a share q of all lies.
func (h *histogram) quantile(q float64) time.Duration {
	left := max(int64(math.Ceil(q*float64(h.total.Load()))), 1) - 1
	for i := range h.counts {
		if left -= h.counts[i].Load(); left < 0 {
			return time.Duration(min(upper(i), h.max.Load()))
		}
	}
	return time.Duration(h.max.Load())
}
