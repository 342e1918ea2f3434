package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestStepsHoldEveryTime(t *testing.T) {
	before := -1
	for _, ns := range []int64{0, 1, 63, 64, 127, 128, 129, 130, 255, 256, 1000, 1e6, 1e9, 1e12, math.MaxInt64} {
		i := step(ns)
		if i <= before && ns != 129 { // 128 and 129 are one step
			t.Errorf("%d ns is step %d, not above %d", ns, i, before)
		}
		if i < 0 || i >= steps {
			t.Fatalf("%d ns is step %d of %d", ns, i, steps)
		}
		if up := upper(i); up < ns || float64(up-ns) > float64(ns)/64 {
			t.Errorf("%d ns is counted as %d", ns, up)
		}
		before = i
	}
}

func TestQuantilesAgainstSorting(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 10, 999, 20_000} {
		var h histogram
		var all []time.Duration
		for range n {
			d := time.Duration(math.Exp(random.Float64()*20)) * time.Nanosecond
			h.record(d)
			all = append(all, d)
		}
		slices.Sort(all)
		for _, q := range []float64{0, 0.5, 0.99, 0.999, 1} {
			exact := all[max(int(math.Ceil(q*float64(n)))-1, 0)]
			if got := h.quantile(q); got < exact || float64(got) > float64(exact)*(1+1.0/64) {
				t.Errorf("of %d, the quantile %v is %v, and not %v", n, q, got, exact)
			}
		}
		if h.quantile(1) != all[n-1] {
			t.Errorf("of %d, the longest is %v, and not %v", n, h.quantile(1), all[n-1])
		}
	}
	if (&histogram{}).quantile(0.5) != 0 {
		t.Error("nothing has a quantile")
	}
}
