package transport

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	r := rateOf(10, 2*time.Second)
	var b bucket
	now := time.Hour // long after the start, and nobody has filled it meanwhile
	passed := func() (n int) {
		for b.take(r, now) == 0 {
			n++
		}
		return n
	}
	if n := passed(); n != 20 {
		t.Fatalf("%d at once, want 20", n)
	}
	if wait := b.take(r, now); wait <= 0 || wait > 100*time.Millisecond {
		t.Fatalf("to wait for the next: %v", wait)
	} else if b.take(r, now+wait) != 0 {
		t.Fatal("the wait that was told was too short")
	}
	now += time.Second
	if n := passed(); n != 9 { // one was taken in advance
		t.Fatalf("%d after a second, want 9", n)
	}
	now += time.Hour
	if n := passed(); n != 20 {
		t.Fatalf("%d after an hour, want 20: it holds no more", n)
	}
}

// Whatever is asked for and when, no more passes than what the rate and one burst allow.
func TestBucketNeverPassesMore(t *testing.T) {
	for range 200 {
		perSecond, seconds := 1+rand.Int64N(1000), 1+rand.Int64N(20)
		r := rateOf(perSecond, time.Duration(seconds)*time.Second)
		var b bucket
		passed := int64(0)
		now, end := time.Duration(0), time.Minute
		for now < end {
			if b.take(r, now) == 0 {
				passed++
			} else {
				now += rand.N(time.Second / 10)
			}
		}
		if most := perSecond*seconds + perSecond*int64(now/time.Second+1) + 1; passed > most {
			t.Fatalf("%d/s, burst of %d s: %d passed in %v, at most %d may", perSecond, seconds, passed, now, most)
		}
		if least := perSecond * 50; passed < least {
			t.Fatalf("%d/s, burst of %d s: only %d passed in %v", perSecond, seconds, passed, now)
		}
	}
}

func TestBucketOfLessThanOneInItsBurst(t *testing.T) {
	r := rateOf(1, time.Millisecond)
	var b bucket
	if b.take(r, 0) != 0 || b.take(r, 0) == 0 || b.take(r, time.Second) != 0 {
		t.Error("a rate of 1 does not let 1 pass each second")
	}
}

func TestSharedBucketAtOnce(t *testing.T) {
	r := rateOf(1000, time.Second)
	var s sharedBucket
	var mu sync.Mutex
	var wg sync.WaitGroup
	passed := 0
	for range 8 {
		wg.Go(func() {
			n := 0
			for range 500 {
				if s.take(r, time.Minute) == 0 {
					n++
				}
			}
			mu.Lock()
			passed += n
			mu.Unlock()
		})
	}
	wg.Wait()
	if passed != 1000 {
		t.Errorf("%d passed at one moment, want 1000", passed)
	}
}

// Who is refused in a storm comes back at the rate, each at a time of its own, and those for
// whom that is too far away are spread as well.
func TestPromises(t *testing.T) {
	r := rateOf(100, time.Second)
	var s sharedBucket
	var waits []time.Duration
	for range 5000 {
		wait := s.promise(r, time.Minute, 30*time.Second)
		if wait <= 0 || wait > 30*time.Second {
			t.Fatalf("told to wait for %v", wait)
		}
		waits = append(waits, wait)
	}
	inTurn := slices.Clone(waits[:3000])
	for second := range 30 {
		n := 0
		for _, wait := range inTurn {
			if wait > time.Duration(second)*time.Second && wait <= time.Duration(second+1)*time.Second {
				n++
			}
		}
		if n != 100 {
			t.Errorf("%d were told to come in second %d, want 100", n, second)
		}
	}
	if slices.Sort(waits[3000:]); waits[3000] == waits[4999] {
		t.Error("those beyond the last turn come back together")
	}
}
