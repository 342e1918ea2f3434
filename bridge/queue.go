package bridge

// A queue holds what a client has not taken yet, oldest first, bounded in bytes. Its
// client's mutex guards it. An empty queue holds no memory worth mentioning.
type queue struct {
	items []Item
	head  int // items[:head] are taken
	bytes int
}

// keepItems is the capacity, in items, that an empty queue keeps for the next burst.
const keepItems = 4

// push appends an item unless the queue would then hold more than max bytes. An empty
// queue takes an item of any size, or a large message could never be delivered.
func (q *queue) push(it Item, max int) bool {
	n := it.size()
	if q.bytes > 0 && q.bytes+n > max {
		return false
	}
	q.items = append(q.items, it)
	q.bytes += n
	return true
}

// take moves items to the end of dst, as long as they fit into the limit, and reduces the
// limit. The first item is taken whatever its size.
func (q *queue) take(dst []Item, limit *Limit) []Item {
	for q.head < len(q.items) && limit.Messages > 0 {
		it := q.items[q.head]
		n := it.size()
		if len(dst) > 0 && n > limit.Bytes {
			break
		}
		dst = append(dst, it)
		q.items[q.head] = nil
		q.head++
		q.bytes -= n
		limit.Bytes -= n
		if _, ok := it.(*Delivery); ok {
			limit.Messages--
		}
	}
	if q.head == len(q.items) {
		q.head = 0
		if cap(q.items) > keepItems {
			q.items = nil
		} else {
			q.items = q.items[:0]
		}
	} else if q.head > len(q.items)/2 {
		// What is left moves to the front, so that the array does not grow with all that ever passed.
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	return dst
}

func (q *queue) empty() bool { return q.head == len(q.items) }

// drop forgets everything.
func (q *queue) drop() { *q = queue{} }
