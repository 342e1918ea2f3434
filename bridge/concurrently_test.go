package bridge

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, n := range []int{0, 1, sideBySide, 5 * sideBySide} {
			var called, underway, most atomic.Int32
			seen := make([]atomic.Bool, n)
			concurrently(n, func(i int) bool {
				called.Add(1)
				seen[i].Store(true)
				now := underway.Add(1)
				time.Sleep(time.Millisecond)
				if now > most.Load() {
					most.Store(now)
				}
				underway.Add(-1)
				return true
			})
			for i := range seen {
				if !seen[i].Load() {
					t.Errorf("of %d, %d was left out", n, i)
				}
			}
			if int(called.Load()) != n || int(most.Load()) != min(n, sideBySide) {
				t.Errorf("of %d, %d were called, %d at once", n, called.Load(), most.Load())
			}
		}
	})
}

func TestConcurrentlyBeginsNothingBehindAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var last, underway atomic.Int32
		concurrently(10*sideBySide, func(i int) bool {
			underway.Add(1)
			defer underway.Add(-1)
			last.Store(max(last.Load(), int32(i)))
			time.Sleep(time.Duration(1+i) * time.Millisecond)
			return i != 3
		})
		// While 3 was under way, 0 to 2 were done and three others took their places.
		if n := last.Load(); n > sideBySide+3 {
			t.Errorf("%d was begun", n)
		}
		if n := underway.Load(); n != 0 {
			t.Errorf("%d are still under way", n)
		}
	})
}
