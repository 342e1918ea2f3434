package membroker

import (
	"sync/atomic"
	"time"
)

// placeEvery is how often a busy log moves to the end of its list: the order of idleness
// is right to about this much, and a message seldom needs more than its log's lock.
const placeEvery = time.Second

// idleness orders all logs of the broker that have something to lose.
type idleness struct {
	turns atomic.Uint64

	// The turns of the heads of all shards' lists, 0: empty. They stand close together
	// so that finding the smallest is a walk over a few cache lines, without a lock.
	idle, followed heads
}

type heads [shardCount]atomic.Uint64

func (i *idleness) next() uint64 { return i.turns.Add(1) }

// oldest returns the index of the smallest turn, or -1.
func (h *heads) oldest() int {
	oldest, index := ^uint64(0), -1
	for i := range h {
		if turn := h[i].Load(); turn != 0 && turn < oldest {
			oldest, index = turn, i
		}
	}
	return index
}

// idlers is a list of logs, the longest idle first. It is owned by its shard's lock.
type idlers struct {
	head, tail *log
	first      *atomic.Uint64 // the turn of head, for everyone to read
}

// push puts l at the end. Caller holds the shard's lock and l's.
func (q *idlers) push(l *log) {
	l.list, l.prev, l.next = q, q.tail, nil
	if q.tail != nil {
		q.tail.next = l
	} else {
		q.head = l
	}
	q.tail = l
	q.publish()
}

// remove takes l out. Caller holds the shard's lock and l's.
func (q *idlers) remove(l *log) {
	if l.prev != nil {
		l.prev.next = l.next
	} else {
		q.head = l.next
	}
	if l.next != nil {
		l.next.prev = l.prev
	} else {
		q.tail = l.prev
	}
	l.list, l.prev, l.next = nil, nil, nil
	q.publish()
}

func (q *idlers) publish() {
	var turn uint64
	if q.head != nil {
		turn = q.head.turn
	}
	q.first.Store(turn)
}

// place puts l at the end of the list where it belongs. Caller holds mu and l.mu.
func (s *shard) place(l *log, now instant, turn uint64) {
	if l.list != nil {
		l.list.remove(l)
	}
	l.turn, l.placed = turn, now
	switch {
	case !l.followed:
		s.idle.push(l)
	case l.kept.len() > 0:
		s.followed.push(l)
	}
}

// place is shard.place for callers that hold no lock.
func (b *Broker) place(l *log, now instant) {
	l.shard.mu.Lock()
	defer l.shard.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.gone {
		l.shard.place(l, now, b.idle.next())
	}
}
