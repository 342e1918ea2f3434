package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"
	"time"
)

// What a burst has left behind is given back once it is over.
func TestMemoryIsGivenBack(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { tendMemory(ctx) })
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

// Memory is given back when much was allocated since the last time, and once more behind that.
func TestGiver(t *testing.T) {
	at := func(seconds float64) time.Time {
		return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
	}
	const much = memoryWorth + 1
	g := giver{given: 5}
	if g.due(at(0), 5+memoryWorth) || !g.due(at(0), 5+much) {
		t.Error("what is worth it is another amount")
	}
	g.gave(at(0), at(0.02), 5+much, 10+much)
	for _, tt := range []struct {
		seconds   float64
		allocated uint64
		want      bool
	}{
		{1, 10 + 2*much, false}, // a hundred times 20 ms are not over
		{3, 10 + 2*much, true},
		{3, 10 + much, false},
		{11, 10 + much, true}, // once more
	} {
		if got := g.due(at(tt.seconds), tt.allocated); got != tt.want {
			t.Errorf("after %v s, with %d bytes: %v", tt.seconds, tt.allocated, got)
		}
	}
	g.gave(at(11), at(11.02), 10+much, 20+much)
	if g.due(at(3600), 20+much) {
		t.Error("it is done a third time")
	}
}

// A small heap grows by a fixed amount, a large one by as much as is in use.
func TestPace(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	p := pacer{percent: 100}
	for _, tt := range []struct {
		live uint64
		want int
	}{{0, 200}, {1 << 20, 200}, {32 << 20, 200}, {40 << 20, 160}, {39 << 20, 160}, {64 << 20, 100}, {2 << 30, 100}, {20 << 20, 200}} {
		p.set(tt.live)
		if got := debug.SetGCPercent(tt.want); got != tt.want {
			t.Errorf("%d MiB in use: %d %%, want %d", tt.live>>20, got, tt.want)
		}
	}
	var told pacer
	if told.set(1); debug.SetGCPercent(200) != 200 {
		t.Error("it changed what somebody else decided")
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
