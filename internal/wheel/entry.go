package wheel

import "sync/atomic"

// An Entry is one deadline, to be embedded in what it belongs to. It must not be copied
// once it was scheduled, and belongs to the first wheel that it was scheduled on.
type Entry struct {
	// Func is called by the wheel's goroutine each time the entry fires. It is set before
	// the entry is scheduled and must not block: all other entries wait for it.
	Func func()

	shard atomic.Pointer[shard] // set once

	// Owned by the shard, under its lock.
	tick       int64 // when to fire
	in         *list // nil: not scheduled
	prev, next *Entry
}

// A list is doubly linked through its entries, oldest first.
type list struct{ first, last *Entry }

func (l *list) push(e *Entry) {
	e.in, e.prev = l, l.last
	if l.last == nil {
		l.first = e
	} else {
		l.last.next = e
	}
	l.last = e
}

func (l *list) remove(e *Entry) {
	if e.prev == nil {
		l.first = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.last = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.in, e.prev, e.next = nil, nil, nil
}
