package main

import (
	"context"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"
)

// What a burst has left behind is given back once it is over.
func TestMemoryIsGivenBack(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { giveMemoryBack(ctx) })
	defer running.Wait()
	defer stop()

	const burst = 256 << 20
	before := heapHeld()
	pieces := make([][]byte, burst>>16)
	for i := range pieces {
		pieces[i] = make([]byte, 1<<16)
	}
	if now := heapHeld(); now < before+burst/2 {
		t.Fatalf("the burst took %d MiB only", (now-before)>>20)
	}
	runtime.KeepAlive(pieces)
	pieces = nil
	for deadline := time.Now().Add(2 * time.Minute); heapHeld() > before+burst/8; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d MiB are still held", (heapHeld()-before)>>20)
		}
	}
}

// heapHeld returns how many bytes of the system's memory the heap has.
func heapHeld() (sum uint64) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples)
	for _, s := range samples {
		sum += s.Value.Uint64()
	}
	return sum
}
