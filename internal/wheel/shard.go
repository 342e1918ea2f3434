package wheel

import "sync"

// A shard is a wheel of its own for some of the entries. All ticks up to now are done: an
// entry in a slot is due later, and one in due fires next.
type shard struct {
	mu    sync.Mutex
	now   int64
	n     int // entries in slots and in due
	slots []list
	due   list
	_     [64]byte // keeps the locks of two shards off one cache line
}

// insert links e, which is linked nowhere, to fire at the given tick, or at the next one
// if that has passed.
func (s *shard) insert(e *Entry, tick int64) {
	e.tick = max(tick, s.now+1)
	s.slots[e.tick%int64(len(s.slots))].push(e)
	s.n++
}

// remove unlinks e, and reports whether it was linked.
func (s *shard) remove(e *Entry) bool {
	if e.in == nil {
		return false
	}
	e.in.remove(e)
	s.n--
	return true
}

// advance moves what is due at the ticks up to now.
func (s *shard) advance(now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slots := int64(len(s.slots))
	// After a long sleep once around is enough.
	for t := max(s.now+1, now-slots+1); t <= now; t++ {
		slot := &s.slots[t%slots]
		for e := slot.first; e != nil; {
			next := e.next
			if e.tick <= now {
				slot.remove(e)
				s.due.push(e)
			}
			e = next
		}
	}
	s.now = max(s.now, now)
}

// pop takes out the next entry that is due, or returns nil.
func (s *shard) pop() *Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.due.first
	if e != nil {
		s.remove(e)
	}
	return e
}

func (s *shard) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}
