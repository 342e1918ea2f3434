package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Go's collector lets the heap grow to twice what is in use before it runs, and keeps that
// memory. After many clients have come at once, it would be held for as long as nothing
// happens, since nothing happens that makes the collector run.

const (
	memoryLook  = time.Second
	memoryQuiet = 1 << 20          // bytes allocated in that time; below, the server has next to nothing to do
	memoryWorth = 4 << 20          // bytes allocated since the last time, below which it is not worth looking
	memoryPause = 30 * time.Second // between two times: each costs a run of the collector
)

// giveMemoryBack returns to the system what the heap does not need, when the server has become
// quiet, until ctx ends.
func giveMemoryBack(ctx context.Context) {
	look := time.NewTicker(memoryLook)
	defer look.Stop()
	before := allocated()
	given, last := before, time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		now := allocated()
		quiet := now-before < memoryQuiet
		if before = now; quiet && now-given > memoryWorth && time.Since(last) > memoryPause {
			debug.FreeOSMemory()
			given, last = allocated(), time.Now()
		}
	}
}

// allocated returns how many bytes were allocated since the program began.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
