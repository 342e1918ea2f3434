package transport

import (
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// A rate is how much may pass: so much a second, and what burst makes of that at once. The
// zero rate has no limit.
type rate struct {
	perSecond int64
	burst     time.Duration // how long an empty bucket takes to be full
}

// rateOf returns a rate with at least one in its burst.
func rateOf(perSecond int64, burst time.Duration) rate {
	r := rate{perSecond: perSecond}
	if perSecond > 0 {
		r.burst = max(burst, r.cost(1))
	}
	return r
}

func (r rate) limited() bool { return r.perSecond > 0 }

// cost is the time in which n come back into the bucket.
func (r rate) cost(n int) time.Duration {
	return time.Duration(int64(n) * int64(time.Second) / r.perSecond)
}

// A bucket is one word: the time, since the server's start, at which it is full again. So it
// fills by itself, without a timer, and the zero bucket is full (the generic cell rate
// algorithm: ITU-T I.371, annex A, as a virtual scheduler).
type bucket time.Duration

// over tells how far the bucket is overdrawn, as the time in which that comes back; at 0 it is
// empty, below there is something in it.
func (b bucket) over(r rate, now time.Duration) time.Duration {
	return max(time.Duration(b), now) - now - r.burst
}

// take takes one, or returns how long it has to wait.
func (b *bucket) take(r rate, now time.Duration) (wait time.Duration) {
	if wait := b.over(r, now) + r.cost(1); wait > 0 {
		return wait
	}
	b.charge(r, now, 1)
	return 0
}

// charge takes n, whether they are there or not. What is overdrawn is bounded by what the
// caller charges before it looks.
func (b *bucket) charge(r rate, now time.Duration, n int) {
	*b = bucket(max(time.Duration(*b), now) + r.cost(n))
}

// A sharedBucket is taken from by everyone at once, without a lock.
type sharedBucket struct{ full atomic.Int64 }

func (s *sharedBucket) take(r rate, now time.Duration) (wait time.Duration) {
	for {
		old := s.full.Load()
		b := bucket(old)
		if wait := b.take(r, now); wait > 0 {
			return wait
		}
		if s.full.CompareAndSwap(old, int64(b)) {
			return 0
		}
	}
}

// promise tells whoever could not take when to come again: each gets a turn of its own at the
// rate, so that those who were refused together do not come back together. Beyond most, turns
// are drawn by lot.
func (s *sharedBucket) promise(r rate, now, most time.Duration) time.Duration {
	for {
		old := s.full.Load()
		turn := max(time.Duration(old), now) + r.cost(1)
		if turn-now > most {
			return most/2 + rand.N(most/2)
		}
		if s.full.CompareAndSwap(old, int64(turn)) {
			return turn - now
		}
	}
}
