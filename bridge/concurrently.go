package bridge

import (
	"sync"
	"sync/atomic"
)

// sideBySide is how many questions of one client the broker is asked at once.
const sideBySide = 64

// concurrently calls f for 0 to n-1, begun in this order and sideBySide at once, until one of
// them reports false, and waits for those under way. One runs on the caller's goroutine.
func concurrently(n int, f func(i int) bool) {
	var next atomic.Int64
	var stop atomic.Bool
	work := func() {
		for !stop.Load() {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			if !f(i) {
				stop.Store(true)
			}
		}
	}
	var wg sync.WaitGroup
	for range min(n, sideBySide) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}
