package load

import "sync/atomic"

// A channel of a run: what was published to it, and to how many.
type channel struct {
	index       int
	name        string
	subscribers int // connected ones; not changed any more when publishing begins

	sent   atomic.Uint64 // the last number that was published, or tried to be
	failed []uint64      // numbers whose publish was not answered by 201, ascending; its publisher's

	window *window        // nil: publications come at a rate
	slots  []atomic.Int32 // how many subscribers wait for a number, by the number modulo the window
}

// A window lets a number of publications be under way until all subscribers have them.
type window chan struct{}

func newWindow(n int) *window {
	w := make(window, n)
	for range n {
		w <- struct{}{}
	}
	return &w
}

// release lets another publication begin. A server that doubles or loses may bring more
// releases than there were publications, which are dropped.
func (w *window) release() {
	select {
	case *w <- struct{}{}:
	default:
	}
}

// begin gives the next number, which is expected by all subscribers from now on.
func (c *channel) begin() (number uint64) {
	number = c.sent.Load() + 1
	if c.window != nil && c.subscribers > 1 {
		if c.slots == nil {
			c.slots = make([]atomic.Int32, cap(*c.window))
		}
		c.slots[number%uint64(len(c.slots))].Store(int32(c.subscribers))
	}
	c.sent.Store(number)
	if c.window != nil && c.subscribers == 0 {
		c.window.release()
	}
	return number
}

// delivered notes that one more subscriber has a number.
func (c *channel) delivered(number uint64) {
	switch {
	case c.window == nil:
	case c.subscribers == 1 || c.slots[number%uint64(len(c.slots))].Add(-1) == 0:
		c.window.release()
	}
}

// fail notes that a publish of a number failed. It may have been stored all the same.
func (c *channel) fail(number uint64) {
	c.failed = append(c.failed, number)
	if c.window != nil {
		c.window.release()
	}
}
