package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Go's collector runs when the heap has grown by as much as was in use (GOGC=100), and keeps what
// it frees for later. Both are changed here, once a second. A heap that is small is let grow by
// some megabytes more, since what a message leaves behind would otherwise have the collector run
// many times a second: it took a tenth of the processor. Not by too much, though: in a heap of which
// most is garbage, each page has something on it that lives, and none can be given back. And when
// the server has become quiet, what the heap does not need goes back to the system: nothing happens
// then that makes the collector run. GOMEMLIMIT holds all the same, and who sets GOGC decides.

const (
	memoryLook  = time.Second
	memoryQuiet = 1 << 20 // bytes allocated in that time; below, the server has next to nothing to do
	memoryWorth = 4 << 20 // bytes allocated since the last time, below which it is not worth looking
	memoryShare = 100     // one in so many moments may be spent on it: each time costs a run of the collector

	// memoryLater is when it is done once more: who waited for another task has gone by then, and left
	// a stack, and what was kept to be used again counts as unused only when the collector has run twice.
	memoryLater = 10 * time.Second

	growth      = 64 << 20 // bytes that a small heap may grow by between two runs
	mostPercent = 200      // of what is in use, that it grows by
)

// tendMemory paces the collector and returns memory, until ctx ends.
func tendMemory(ctx context.Context) {
	look := time.NewTicker(memoryLook)
	defer look.Stop()
	var pace pacer
	if os.Getenv("GOGC") == "" {
		pace.percent = debug.SetGCPercent(100)
		defer debug.SetGCPercent(pace.percent)
	}
	before, _ := heap()
	g := giver{given: before}
	for {
		now, live := heap()
		pace.set(live)
		quiet := now-before < memoryQuiet
		if before = now; quiet && g.due(time.Now(), now) {
			start := time.Now()
			debug.FreeOSMemory()
			after, _ := heap()
			g.gave(start, time.Now(), now, after)
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// A giver keeps when memory was given back, and when it is to be.
type giver struct {
	given uint64    // bytes allocated when it was
	next  time.Time // not before
	again time.Time // then whatever was allocated; zero: it is not
}

// due reports whether memory is to be given back, as far as there is nothing else to do.
func (g *giver) due(now time.Time, allocated uint64) bool {
	return now.After(g.next) && (allocated-g.given > memoryWorth || !g.again.IsZero() && now.After(g.again))
}

// gave says that memory was given back, and how many bytes had been allocated before and after.
func (g *giver) gave(start, end time.Time, before, after uint64) {
	worth := before-g.given > memoryWorth
	*g = giver{given: after, next: end.Add(memoryShare * end.Sub(start))}
	if worth {
		g.again = end.Add(memoryLater)
	}
}

// A pacer keeps what the collector was last told; 0: it is not to be told anything.
type pacer struct{ percent int }

// set lets the heap grow by growth, or by as much as is in use where that is more.
func (p *pacer) set(live uint64) {
	percent := int(min(max(100, 100*growth/max(live, 1)), mostPercent))
	if p.percent == 0 || percent == p.percent || percent > 100 && 10*max(percent, p.percent) < 11*min(percent, p.percent) {
		return // the world stops for it
	}
	p.percent = percent
	debug.SetGCPercent(percent)
}

// heap returns how many bytes were allocated since the program began, and how many of them were
// in use when the collector last ran.
func heap() (allocated, live uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64(), samples[1].Value.Uint64()
}
