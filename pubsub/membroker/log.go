package membroker

import (
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A log is what the broker keeps of one channel: its position, its idempotency window,
// and the newest of its messages.
type log struct {
	channel pubsub.Channel
	shard   *shard
	memory  *budget

	mu sync.Mutex

	// Owned by mu.
	front    pubsub.Position // in front of the oldest message kept
	end      pubsub.Position // of the newest message ever appended
	kept     deque[entry]    // the messages from front to end
	bytes    int64           // their sizes
	lost     *loss           // the newest message that memory took, nil: none
	window   *window         // nil: no key is remembered
	newest   int64           // milliseconds of Unix time of the newest message
	touched  instant         // last publish, read or end of following
	followed bool

	// Written under shard.mu and mu, read under either.
	gone   bool    // it left its shard: look for the channel again
	list   *idlers // where it waits for the lack of memory, nil: it has nothing to lose
	placed instant // when it was put at the list's end

	// Owned by shard.mu.
	prev, next *log
	turn       uint64 // of all listed logs, the one with the smallest was idle for longest
}

// An entry is one message of a log and when it came.
type entry struct {
	message *pubsub.Message
	at      instant
}

// A loss is a message that was dropped for lack of memory.
type loss struct {
	offset uint64
	size   int64
	at     instant
}

// fixed is what the log costs without messages. Caller holds mu.
func (l *log) fixed() int64 {
	n := recordCost + int64(len(l.channel))
	if l.window != nil {
		n += l.window.bytes
	}
	return n
}

// refresh brings the log to now: everything that is over by time goes. Every call begins
// with it, so that answers do not depend on when the sweeper came by. Caller holds mu.
func (l *log) refresh(now instant, r pubsub.Retention, ttl time.Duration) {
	l.trim(now, r)
	l.forget(now)
	if l.expired(now, ttl) {
		l.renew()
	}
}

// touch defers the end of the log's position, and reports whether the log should be
// placed anew among the idle ones. Caller holds mu.
func (l *log) touch(now instant) (due bool) {
	l.touched = now
	return now-l.placed > placeEvery || l.list == nil && (!l.followed || l.kept.len() > 0)
}

// expired reports whether the position of the log has outlived its time. Caller holds mu.
func (l *log) expired(now instant, ttl time.Duration) bool {
	return !l.followed && l.kept.len() == 0 && now-l.touched > ttl
}

// renew begins another life of the log, which knows nothing of the one before but the
// idempotency keys. Caller holds mu and has dropped the messages.
func (l *log) renew() { l.restart(pubsub.NewEpoch()) }

func (l *log) restart(e pubsub.Epoch) {
	l.end = pubsub.Position{Epoch: e}
	l.front = l.end
	l.lost = nil
}

// append puts a message at the end of the log, keeps it if it can, and remembers its key.
// Caller holds mu.
func (l *log) append(w *write, clock time.Time, now instant) {
	// The wall clock may be set back; the times of a log's messages never go back.
	l.newest = max(l.newest, clock.UnixMilli())
	l.end = l.end.Next(w.message.ID)
	m := w.message
	m.Channel, m.Pos, m.Time = l.channel, l.end, time.UnixMilli(l.newest).UTC()
	switch {
	case w.retention.Off():
		l.front = l.end
	case !w.fits:
		l.drop(l.kept.len()) // a log has no hole
		l.front = l.end
		l.lost = &loss{offset: l.end.Offset, size: w.size, at: now}
	default:
		l.kept.pushBack(entry{m, now})
		l.bytes += w.size
		l.trim(now, w.retention)
	}
	if w.key != "" {
		if l.window == nil {
			l.window = new(window)
		}
		l.window.add(answer{key: w.key, content: w.content, id: m.ID, pos: m.Pos, at: now})
	}
}

// trim drops what retention does not keep. Caller holds mu.
func (l *log) trim(now instant, r pubsub.Retention) {
	if r.Off() {
		l.drop(l.kept.len())
		return
	}
	for l.kept.len() > 0 {
		if l.kept.len() <= r.Count && l.bytes <= r.Bytes && now-l.kept.at(0).at <= r.Age {
			return
		}
		l.drop(1)
	}
}

// drop drops the n oldest messages. Caller holds mu.
func (l *log) drop(n int) {
	for range n {
		m := l.kept.popFront().message
		l.front = m.Pos
		l.uncount(m)
	}
}

func (l *log) uncount(m *pubsub.Message) {
	size := int64(m.Size())
	l.bytes -= size
	l.memory.release(size)
}

// shorten drops the oldest messages until there is memory, and reports whether there was
// one to drop. Caller holds mu.
func (l *log) shorten() bool {
	had := l.kept.len() > 0
	for l.kept.len() > 0 && l.memory.full() {
		e := l.kept.at(0)
		lost := loss{offset: e.message.Pos.Offset, size: int64(e.message.Size()), at: e.at}
		if l.lost == nil {
			l.lost = new(loss)
		}
		*l.lost = lost
		l.drop(1)
	}
	return had
}

// dropped tells why the message in front of the oldest kept is missing. Caller holds mu.
func (l *log) dropped(now instant, r pubsub.Retention) pubsub.Reason {
	if l.lost != nil && l.lost.offset == l.front.Offset && !r.Off() &&
		l.kept.len() < r.Count && l.bytes+l.lost.size <= r.Bytes && now-l.lost.at <= r.Age {
		return pubsub.Overflow
	}
	return pubsub.Trimmed
}

// view is what [pubsub.Resume] has to know, valid as long as mu is held.
func (l *log) view(now instant, r pubsub.Retention) pubsub.LogView {
	return pubsub.LogView{Front: l.front, End: l.end, Dropped: l.dropped(now, r), DigestAt: l.digestAt}
}

// digestAt returns the digest at an offset from front to end. Caller holds mu.
func (l *log) digestAt(offset uint64) pubsub.Digest {
	return l.position(int(offset - l.front.Offset)).Digest
}

// forget drops the idempotency keys whose window is over. Caller holds mu.
func (l *log) forget(now instant) {
	if l.window == nil {
		return
	}
	l.release(l.window.expire(now))
}

// release gives back what keys of the window cost. Caller holds mu.
func (l *log) release(bytes int64) {
	l.memory.release(bytes)
	if l.followed {
		l.memory.unpin(bytes)
	}
	if l.window.entries.len() == 0 {
		l.window = nil
	}
}
