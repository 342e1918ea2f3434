package membroker

import (
	"hash/maphash"
	"strings"
	"sync"

	"github.com/wsbridge/wsbridge/pubsub"
)

const shardCount = 256

// A shard holds the logs of some channels.
type shard struct {
	mu sync.RWMutex

	// Owned by mu.
	logs     map[pubsub.Channel]*log // nil: the broker is closed
	idle     idlers                  // logs that nobody follows
	followed idlers                  // logs that are followed and keep a message
}

func (s *shard) init(heads *idleness, i int) {
	s.logs = make(map[pubsub.Channel]*log)
	s.idle.first = &heads.idle[i]
	s.followed.first = &heads.followed[i]
}

func (b *Broker) shard(c pubsub.Channel) *shard {
	return &b.shards[maphash.String(b.seed, string(c))%shardCount]
}

// find returns the log of c, or nil.
func (s *shard) find(c pubsub.Channel) *log {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.logs[c]
}

// all returns the logs that the shard holds now.
func (s *shard) all(into []*log) []*log {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, l := range s.logs {
		into = append(into, l)
	}
	return into
}

// hold returns the log of c with its lock held, making it if there is none.
func (b *Broker) hold(c pubsub.Channel) (*log, error) {
	s := b.shard(c)
	for {
		l := s.find(c)
		if l == nil {
			var err error
			if l, err = b.open(s, c); err != nil {
				return nil, err
			}
		}
		l.mu.Lock()
		if !l.gone {
			return l, nil
		}
		l.mu.Unlock() // it went between finding and locking
	}
}

// open makes the log of c, unless somebody else just did.
func (b *Broker) open(s *shard, c pubsub.Channel) (*log, error) {
	cost := recordCost + int64(len(c))
	if !b.reserve(cost, c) {
		return nil, errNoRoom
	}
	c = pubsub.Channel(strings.Clone(string(c))) // it may be a piece of a large request
	l := &log{channel: c, shard: s, memory: &b.memory}
	l.renew()
	l.touched = b.now()

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logs == nil {
		b.memory.release(cost)
		return nil, pubsub.ErrClosed
	}
	if other := s.logs[c]; other != nil {
		b.memory.release(cost)
		return other, nil
	}
	s.logs[c] = l
	l.mu.Lock()
	defer l.mu.Unlock()
	s.place(l, l.touched, b.idle.next())
	return l, nil
}

// remove takes l out of the shard and returns what it cost. Caller holds mu and l.mu.
func (s *shard) remove(l *log) (freed int64) {
	freed = l.fixed() + l.bytes
	l.gone = true
	l.kept, l.bytes, l.window = deque[entry]{}, 0, nil
	if l.list != nil {
		l.list.remove(l)
	}
	delete(s.logs, l.channel)
	return freed
}

// clear removes all logs for good and returns what they cost.
func (s *shard) clear() (freed int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.logs {
		l.mu.Lock()
		freed += s.remove(l)
		l.mu.Unlock()
	}
	s.logs = nil
	return freed
}
