// Package wheel is a hashed timing wheel (Varghese and Lauck, 1987, scheme 6): one
// goroutine and one timer for all the deadlines of all connections, which would otherwise
// have a timer each.
//
//	w := wheel.New(100*time.Millisecond, 512)
//	go w.Run()
//	…
//	w.Schedule(&conn.heartbeat, 25*time.Second) // conn.heartbeat is a wheel.Entry
//
// An entry fires at the first tick that is not before its time: never early, and at most
// one tick late while the wheel keeps up. Entries of different ticks then fire in their
// order, those of one tick in any. A wheel without entries does not tick.
//
// [Wheel.Close] makes Run return; whoever started Run waits for it. Entries that are left
// never fire.
//
// Entries are linked through their owners' memory, so a schedule allocates nothing and
// their number has no bound of its own. Delays may be of any length: an entry whose turn
// is a later round stays in its slot, at the cost of one comparison a round.
package wheel

import (
	"sync"
	"sync/atomic"
	"time"
)

// shards is over how many locks entries are spread.
const shards = 16

// A Wheel fires entries when their time has come. Make it with [New]. All methods may be
// called at once from any goroutine, but Run only once.
type Wheel struct {
	tick  time.Duration
	start time.Time // tick n is at start + n*tick

	shards [shards]shard
	turn   atomic.Uint32 // deals the shards out

	asleep atomic.Bool   // Run waits on wake
	wake   chan struct{} // of capacity 1
	closed chan struct{}
	once   sync.Once // closes closed
}

// New returns a wheel whose entries are fired every tick, at least a millisecond. slots
// is how many lists the ticks take in turn; the wheel is quickest when most delays are
// shorter than slots times tick.
func New(tick time.Duration, slots int) *Wheel {
	w := &Wheel{
		tick:   max(tick, time.Millisecond),
		start:  time.Now(),
		wake:   make(chan struct{}, 1),
		closed: make(chan struct{}),
	}
	for i := range w.shards {
		w.shards[i].slots = make([]list, max(slots, 1))
	}
	return w
}

// Schedule lets e fire once after d, whether or not it was scheduled before. If e fires
// this moment, it fires again after d. It never blocks for long, and a Func may call it.
func (w *Wheel) Schedule(e *Entry, d time.Duration) {
	s := e.shard.Load()
	if s == nil {
		e.shard.CompareAndSwap(nil, &w.shards[w.turn.Add(1)%shards])
		s = e.shard.Load()
	}
	due := w.ticksUntil(d)

	s.mu.Lock()
	s.remove(e)
	s.insert(e, due)
	s.mu.Unlock()

	// Run says that it sleeps before it looks for entries the last time. So either it
	// has seen this one, or this sees it asleep.
	if w.asleep.Load() && w.asleep.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}

// Stop takes e out and reports whether that kept it from firing. If it did not, e was not
// scheduled, or its Func has been started and may still run.
func (w *Wheel) Stop(e *Entry) bool {
	s := e.shard.Load()
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remove(e)
}

// ticksUntil returns the number of the first tick that is d or more away.
func (w *Wheel) ticksUntil(d time.Duration) int64 {
	const forever = 1 << 62
	elapsed := time.Since(w.start)
	if d > forever-elapsed {
		d = forever - elapsed
	}
	return int64((elapsed + max(d, 0) + w.tick - 1) / w.tick)
}

// Run fires entries until Close.
func (w *Wheel) Run() {
	timer := time.NewTimer(w.tick)
	defer timer.Stop()
	for {
		if w.empty() {
			if !w.sleep() {
				return
			}
		}
		// A tick that is late is not made up for one by one: advance takes them together.
		elapsed := time.Since(w.start)
		timer.Reset(w.tick - elapsed%w.tick)
		select {
		case <-timer.C:
		case <-w.closed:
			return
		}
		now := int64(time.Since(w.start) / w.tick)
		for i := range w.shards {
			w.shards[i].advance(now)
		}
		for i := range w.shards {
			if !w.fire(&w.shards[i]) {
				return
			}
		}
	}
}

// fire calls the entries that are due, without the lock, so that they may schedule. It
// reports false when the wheel was closed on the way.
func (w *Wheel) fire(s *shard) bool {
	for {
		select {
		case <-w.closed:
			return false
		default:
		}
		e := s.pop()
		if e == nil {
			return true
		}
		e.Func()
	}
}

func (w *Wheel) empty() bool {
	for i := range w.shards {
		if w.shards[i].len() > 0 {
			return false
		}
	}
	return true
}

// sleep waits for an entry. It reports false when the wheel was closed.
func (w *Wheel) sleep() bool {
	w.asleep.Store(true)
	if !w.empty() && w.asleep.CompareAndSwap(true, false) {
		return true
	}
	select {
	case <-w.wake:
		return true
	case <-w.closed:
		return false
	}
}

// Close makes Run return once the Func that it calls has. It may be called more than
// once, and by a Func.
func (w *Wheel) Close() {
	w.once.Do(func() { close(w.closed) })
}
