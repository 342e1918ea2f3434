package load

import "testing"

// open takes what room there is in a window.
func open(w *window) (n int) {
	for {
		select {
		case <-*w:
			n++
		default:
			return n
		}
	}
}

func TestWindowOpensWhenAllHaveAMessage(t *testing.T) {
	w := newWindow(2)
	c := &channel{subscribers: 3, window: w}
	if n := open(w); n != 2 {
		t.Fatalf("room for %d", n)
	}
	first, second := c.begin(), c.begin()
	if first != 1 || second != 2 || c.sent.Load() != 2 {
		t.Fatalf("numbers %d, %d", first, second)
	}
	c.delivered(first)
	c.delivered(second)
	c.delivered(second)
	c.delivered(first)
	if n := open(w); n != 0 {
		t.Errorf("room for %d while both are under way", n)
	}
	c.delivered(second)
	if n := open(w); n != 1 {
		t.Errorf("room for %d when one has arrived", n)
	}
	c.delivered(first)
	if n := open(w); n != 1 {
		t.Errorf("room for %d when the other has", n)
	}
}

func TestWindowAfterFailures(t *testing.T) {
	w := newWindow(1)
	c := &channel{subscribers: 2, window: w}
	open(w)
	c.fail(c.begin())
	if n := open(w); n != 1 || len(c.failed) != 1 || c.failed[0] != 1 {
		t.Errorf("room for %d, failed: %v", n, c.failed)
	}
	nobody := &channel{window: w}
	nobody.begin()
	if n := open(w); n != 1 {
		t.Errorf("room for %d where nobody subscribes", n)
	}
	w.release()
	w.release()
	if n := open(w); n != 1 {
		t.Errorf("room for %d in a window of one", n)
	}
}
