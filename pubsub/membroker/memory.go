package membroker

import (
	"fmt"
	"sync/atomic"

	"github.com/wsbridge/wsbridge/pubsub"
)

// recordCost is what a log without messages costs beside its name, in bytes: the struct,
// its epoch, its place in the map, and what the allocator rounds up.
const recordCost = 384

// errNoRoom: all memory is taken by what cannot be dropped.
var errNoRoom = fmt.Errorf("%w: no memory is left for another channel or key", pubsub.ErrUnavailable)

// A budget counts what all logs cost together. What is to be kept is reserved first, so
// that the logs never hold more than the limit.
type budget struct {
	limit  int64
	used   atomic.Int64 // kept and reserved
	pinned atomic.Int64 // the part of used that cannot be dropped
}

func (b *budget) full() bool      { return b.used.Load() > b.limit }
func (b *budget) release(n int64) { b.used.Add(-n) }
func (b *budget) unpin(n int64)   { b.pinned.Add(-n) }
func (b *budget) pin(n int64) (ok bool) {
	if b.pinned.Add(n) > b.limit/2 {
		b.pinned.Add(-n)
		return false
	}
	return true
}

// reserve takes n bytes for something to be kept for c, making room if need be. Caller
// holds no lock.
func (b *Broker) reserve(n int64, c pubsub.Channel) (ok bool) {
	if n > b.memory.limit-b.memory.pinned.Load() {
		return false // not even if everything else went
	}
	if b.memory.used.Add(n) <= b.memory.limit || b.makeRoom(c) {
		return true
	}
	b.memory.release(n)
	return false
}

// makeRoom drops what was idle for longest until the budget is kept. Its work is bounded
// by what is to be freed: each step frees a log or a message, or unlists a log that an
// earlier call listed.
func (b *Broker) makeRoom(c pubsub.Channel) (ok bool) {
	self := b.shard(c).find(c)
	if self != nil {
		defer b.place(self, b.now()) // it is in use, so its turn comes last
	}
	for b.memory.full() {
		if !b.evictIdle(self) && !b.shortenSelf(self) && !b.shortenFollowed() {
			return false
		}
	}
	return true
}

// evictIdle drops the longest idle log but self that nobody follows. It reports whether
// it makes sense to call it again.
func (b *Broker) evictIdle(self *log) bool {
	i := b.idle.idle.oldest()
	if i < 0 {
		return false
	}
	s := &b.shards[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.idle.head
	if l == nil {
		return true // somebody else was faster
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l == self:
		s.idle.remove(l) // out of the way, until makeRoom is done
	case l.followed:
		s.place(l, l.placed, b.idle.next()) // Follow has not come to that yet
	default:
		b.memory.release(s.remove(l))
	}
	return true
}

// shortenSelf drops the oldest messages of the log that needs the memory, when nobody
// follows it: it is not dropped whole in favour of its own next message.
func (b *Broker) shortenSelf(self *log) bool {
	if self == nil {
		return false
	}
	self.mu.Lock()
	defer self.mu.Unlock()
	return !self.followed && self.shorten()
}

// shortenFollowed drops the oldest messages of the longest idle log that is followed.
func (b *Broker) shortenFollowed() bool {
	i := b.idle.followed.oldest()
	if i < 0 {
		return false
	}
	s := &b.shards[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.followed.head
	if l == nil {
		return true // somebody else was faster
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.followed {
		l.shorten()
	}
	if !l.followed || l.kept.len() == 0 {
		s.place(l, l.placed, b.idle.next())
	}
	return true
}
