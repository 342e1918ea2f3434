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
	memoryQuiet = 1 << 20 // bytes allocated in that time; below, the server has nothing to do
	memoryWaste = 4 << 20 // bytes that are not in use, below which nothing is done
)

// A memoryUse is what the runtime says of the heap, in bytes.
type memoryUse struct {
	allocated uint64 // since the program began
	held      uint64 // of the system's
	live      uint64 // in use when the collector ran last
}

// wasteful reports whether so much is held that is not in use that it is worth looking for it: a
// quarter of what is.
func (m memoryUse) wasteful() bool {
	return m.held > m.live+max(m.live/4, memoryWaste)
}

// giveMemoryBack returns to the system what the heap does not need, once each time that the
// server has become quiet, until ctx ends.
func giveMemoryBack(ctx context.Context) {
	look := time.NewTicker(memoryLook)
	defer look.Stop()
	before := measureMemory()
	done := before.allocated
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		now := measureMemory()
		quiet := now.allocated-before.allocated < memoryQuiet
		before = now
		if quiet && now.allocated-done > memoryWaste && now.wasteful() {
			debug.FreeOSMemory()
			before = measureMemory()
			done = before.allocated
		}
	}
}

func measureMemory() memoryUse {
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	return memoryUse{
		allocated: samples[0].Value.Uint64(),
		live:      samples[1].Value.Uint64(),
		held:      samples[2].Value.Uint64() + samples[3].Value.Uint64() + samples[4].Value.Uint64(),
	}
}
