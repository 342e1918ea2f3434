package membroker

// A deque is a queue in a ring that grows and shrinks with what it holds, and keeps no
// reference to what was taken out.
type deque[T any] struct {
	ring []T // its length is 0 or a power of two
	head int // index of the first
	n    int
}

func (d *deque[T]) len() int { return d.n }

// at returns the i-th from the front, until the next change.
func (d *deque[T]) at(i int) *T { return &d.ring[(d.head+i)&(len(d.ring)-1)] }

func (d *deque[T]) pushBack(v T) {
	if d.n == len(d.ring) {
		d.resize(max(1, 2*d.n))
	}
	d.n++
	*d.at(d.n - 1) = v
}

func (d *deque[T]) popFront() T {
	v := d.take(0)
	d.head = (d.head + 1) & (len(d.ring) - 1)
	d.shrink()
	return v
}

func (d *deque[T]) popBack() T {
	v := d.take(d.n - 1)
	d.shrink()
	return v
}

func (d *deque[T]) take(i int) T {
	var zero T
	p := d.at(i)
	v := *p
	*p = zero
	d.n--
	return v
}

// shrink halves the ring when a quarter is used, so that growing again is far away.
func (d *deque[T]) shrink() {
	switch {
	case d.n == 0:
		*d = deque[T]{}
	case d.n <= len(d.ring)/4:
		d.resize(len(d.ring) / 2)
	}
}

func (d *deque[T]) resize(size int) {
	ring := make([]T, size)
	for i := range d.n {
		ring[i] = *d.at(i)
	}
	d.ring, d.head = ring, 0
}
