package wheel

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

const tick = 100 * time.Millisecond

// spin runs test in virtual time with a wheel of 8 slots, and holds that Run returns.
func spin(t *testing.T, test func(w *Wheel)) {
	synctest.Test(t, func(t *testing.T) {
		w := New(tick, 8)
		var wg sync.WaitGroup
		wg.Go(w.Run)
		test(w)
		w.Close()
		w.Close()
		wg.Wait()
	})
}

// pass lets virtual time pass, and what is due in it end.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestFiresWithinOneTick(t *testing.T) {
	for _, phase := range []time.Duration{0, 1, tick / 2, tick - 1} {
		for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, tick - 1, tick, tick + 1, 7 * tick, 8 * tick, 9*tick + 1, 1000 * tick} {
			spin(t, func(w *Wheel) {
				pass(phase)
				due := time.Now().Add(max(d, 0))
				var fired []time.Duration // after due
				e := &Entry{Func: func() { fired = append(fired, time.Since(due)) }}
				w.Schedule(e, d)
				pass(max(d, 0) + 20*tick)
				if len(fired) != 1 || fired[0] < 0 || fired[0] > tick {
					t.Errorf("phase %v, delay %v: fired %v after it was due", phase, d, fired)
				}
			})
		}
	}
}

func TestStop(t *testing.T) {
	spin(t, func(w *Wheel) {
		fired := 0
		e := &Entry{Func: func() { fired++ }}
		if w.Stop(e) {
			t.Error("stopped an entry that was never scheduled")
		}
		w.Schedule(e, tick)
		if !w.Stop(e) || w.Stop(e) {
			t.Error("the first Stop prevents, the second does not")
		}
		pass(3 * tick)
		w.Schedule(e, tick)
		pass(3 * tick)
		if w.Stop(e) {
			t.Error("stopped an entry that has fired")
		}
		if fired != 1 {
			t.Errorf("fired %d times", fired)
		}
	})
}

func TestScheduleMoves(t *testing.T) {
	spin(t, func(w *Wheel) {
		start := time.Now()
		var fired []time.Duration
		e := &Entry{Func: func() { fired = append(fired, time.Since(start)) }}
		pass(tick / 2)
		for range 50 {
			w.Schedule(e, 3*tick)
			pass(2 * tick)
		}
		w.Schedule(e, 100*tick)
		w.Schedule(e, 0)
		pass(200 * tick)
		if diff := gocmp.Diff([]time.Duration{101 * tick}, fired); diff != "" {
			t.Errorf("fired (-want +got):\n%s", diff)
		}
	})
}

func TestFuncMaySchedule(t *testing.T) {
	spin(t, func(w *Wheel) {
		start := time.Now()
		var fired []time.Duration
		var e, other Entry
		other.Func = func() { t.Error("an entry fired that was stopped in the tick of its time") }
		e.Func = func() {
			if fired = append(fired, time.Since(start)); len(fired) < 4 {
				w.Schedule(&e, 0)
			}
			w.Stop(&other)
		}
		w.Schedule(&e, tick)
		// Shards fire in turn, and entries are dealt to them in turn: other comes after e.
		w.Schedule(&other, tick)
		pass(20 * tick)
		want := []time.Duration{tick, 2 * tick, 3 * tick, 4 * tick}
		if diff := gocmp.Diff(want, fired); diff != "" {
			t.Errorf("fired (-want +got):\n%s", diff)
		}
	})
}

func TestSleepsWhenEmpty(t *testing.T) {
	spin(t, func(w *Wheel) {
		fired := 0
		e := &Entry{Func: func() { fired++ }}
		for want := 1; want <= 3; want++ {
			// Ticking through a century of virtual time would not end.
			pass(100 * 365 * 24 * time.Hour / 3)
			w.Schedule(e, 2*tick)
			pass(3 * tick)
			if fired != want {
				t.Fatalf("fired %d times, want %d", fired, want)
			}
			synctest.Wait()
			if !w.asleep.Load() {
				t.Fatal("an empty wheel is awake")
			}
		}
	})
}

func TestCatchesUp(t *testing.T) {
	spin(t, func(w *Wheel) {
		start := time.Now()
		slow := &Entry{Func: func() { time.Sleep(50 * tick) }}
		w.Schedule(slow, tick)
		var fired [60]time.Duration
		var entries [60]Entry
		for i := range entries {
			entries[i].Func = func() { fired[i] = time.Since(start) }
			w.Schedule(&entries[i], time.Duration(i+2)*tick)
		}
		pass(100 * tick)
		for i, at := range fired {
			want := max(time.Duration(i+2)*tick, 52*tick)
			if at != want {
				t.Errorf("entry %d fired at %v, want %v", i, at, want)
			}
		}
	})
}

func TestDelayWithoutEnd(t *testing.T) {
	spin(t, func(w *Wheel) {
		pass(time.Hour)
		e := &Entry{Func: func() { t.Error("fired") }}
		w.Schedule(e, math.MaxInt64)
		pass(100 * tick)
		if !w.Stop(e) {
			t.Error("an entry far away was not scheduled")
		}
	})
}

func TestCloseWithinFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(tick, 8)
		fired := 0
		var entries [3 * shards]Entry
		for i := range entries {
			entries[i].Func = func() { fired++; w.Close() }
			w.Schedule(&entries[i], tick)
		}
		w.Run()
		if fired != 1 {
			t.Errorf("%d entries fired, want none after the one that closed", fired)
		}
		w.Schedule(&entries[0], 0)
		pass(10 * tick)
		if fired != 1 {
			t.Error("an entry fired after Run returned")
		}
	})
}

// TestLikeAfterFunc holds the wheel against one timer of the runtime for each entry.
// Actions come between ticks, and the timers are set to the tick at which an entry must
// fire, so both logs are equal to the nanosecond.
func TestLikeAfterFunc(t *testing.T) {
	type event struct {
		At      time.Duration
		Entry   int
		Stopped bool // what Stop returned, else it fired
	}
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			spin(t, func(w *Wheel) {
				rng := rand.New(rand.NewPCG(seed, 0))
				start := time.Now()
				var mu sync.Mutex // timers of one tick fire at once
				var got, want []event
				note := func(log *[]event, i int, stopped bool) {
					mu.Lock()
					defer mu.Unlock()
					*log = append(*log, event{time.Since(start), i, stopped})
				}
				var entries [100]Entry
				var timers [100]*time.Timer
				for i := range entries {
					entries[i].Func = func() { note(&got, i, false) }
				}
				pass(tick / 2)
				for range 1000 {
					i := rng.IntN(len(entries))
					now := time.Since(start)
					stopped := timers[i] != nil && timers[i].Stop()
					if rng.IntN(4) == 0 {
						note(&want, i, stopped)
						note(&got, i, w.Stop(&entries[i]))
					} else {
						d := time.Duration(rng.ExpFloat64() * float64(10*tick))
						w.Schedule(&entries[i], d)
						due := (now + d + tick - 1) / tick * tick
						timers[i] = time.AfterFunc(due-now, func() { note(&want, i, false) })
					}
					if rng.IntN(4) == 0 {
						pass(time.Duration(rng.IntN(4)) * tick)
					}
				}
				pass(1000 * tick)
				// Entries of one tick fire in any order.
				byTime := func(a, b event) int {
					return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Entry, b.Entry))
				}
				if !slices.IsSortedFunc(got, func(a, b event) int { return cmp.Compare(a.At, b.At) }) {
					t.Error("the order of ticks was not kept")
				}
				slices.SortStableFunc(got, byTime)
				slices.SortStableFunc(want, byTime)
				if diff := gocmp.Diff(want, got); diff != "" {
					t.Errorf("timers (-) and wheel (+) differ:\n%s", diff)
				}
			})
		})
	}
}

// TestConcurrent counts: what was scheduled last fires or was stopped, and never both.
func TestConcurrent(t *testing.T) {
	spin(t, func(w *Wheel) {
		var entries [64]Entry
		var pending [64]atomic.Int32 // 1 while scheduled
		for i := range entries {
			entries[i].Func = func() {
				if pending[i].Add(-1) != 0 {
					t.Errorf("entry %d fired twice, or after it was stopped", i)
				}
			}
		}
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(g), 1))
				for range 3000 {
					// Each goroutine has entries of its own, so that it knows their state;
					// the wheel's goroutine works on all of them.
					i := g*8 + rng.IntN(8)
					if w.Stop(&entries[i]) {
						pending[i].Store(0)
					}
					if pending[i].CompareAndSwap(0, 1) {
						w.Schedule(&entries[i], time.Duration(rng.IntN(int(4*tick))))
					}
					if rng.IntN(16) == 0 {
						time.Sleep(tick)
					}
				}
			})
		}
		wg.Wait()
		pass(10 * tick)
		for i := range pending {
			if n := pending[i].Load(); n != 0 {
				t.Errorf("entry %d: %d left", i, n)
			}
		}
	})
}

// TestSharedEntry lets all goroutines work on the same entries: nothing is asserted but
// that the lists stay whole, as the final count and the race detector tell.
func TestSharedEntry(t *testing.T) {
	spin(t, func(w *Wheel) {
		var entries [4]Entry
		for i := range entries {
			entries[i].Func = func() {}
		}
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(g), 2))
				for range 3000 {
					e := &entries[rng.IntN(len(entries))]
					if rng.IntN(3) == 0 {
						w.Stop(e)
					} else {
						w.Schedule(e, time.Duration(rng.IntN(int(20*tick))))
					}
				}
			})
		}
		wg.Wait()
		linked := 0
		for i := range w.shards {
			linked += w.shards[i].len()
		}
		stopped := 0
		for i := range entries {
			if w.Stop(&entries[i]) {
				stopped++
			}
		}
		if linked != stopped || !w.empty() {
			t.Errorf("%d entries were linked, %d stopped", linked, stopped)
		}
	})
}

func BenchmarkSchedule(b *testing.B) {
	w := New(tick, 512)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		entries := make([]Entry, 1024)
		for i := 0; pb.Next(); i++ {
			w.Schedule(&entries[i%len(entries)], 25*time.Second)
		}
	})
}

// BenchmarkTick is the cost of one tick while 100,000 entries wait 25 seconds each.
func BenchmarkTick(b *testing.B) {
	w := New(tick, 512)
	entries := make([]Entry, 100_000)
	fired := 0
	for i := range entries {
		entries[i].Func = func() { fired++ }
		w.Schedule(&entries[i], time.Duration(i)*25*time.Second/time.Duration(len(entries)))
	}
	var now int64
	b.ReportAllocs()
	for b.Loop() {
		now++
		for i := range w.shards {
			s := &w.shards[i]
			s.advance(now)
			for e := s.pop(); e != nil; e = s.pop() {
				e.Func()
				s.mu.Lock()
				s.insert(e, now+250)
				s.mu.Unlock()
			}
		}
	}
	b.ReportMetric(float64(fired)/float64(b.N), "fired/op")
}
