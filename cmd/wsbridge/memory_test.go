package main

import (
	"context"
	"runtime"
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
	before := measureMemory()
	pieces := make([][]byte, burst>>16)
	for i := range pieces {
		pieces[i] = make([]byte, 1<<16)
	}
	if held := measureMemory().held; held < before.held+burst/2 {
		t.Fatalf("the burst took %d MiB only", (held-before.held)>>20)
	}
	runtime.KeepAlive(pieces)
	pieces = nil
	for deadline := time.Now().Add(time.Minute); measureMemory().held > before.held+burst/8; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d MiB are still held", (measureMemory().held-before.held)>>20)
		}
	}
}

func TestMemoryWaste(t *testing.T) {
	for _, c := range []struct {
		held, live uint64
		want       bool
	}{
		{0, 0, false},
		{4 << 20, 1 << 20, false},
		{6 << 20, 1 << 20, true},
		{120 << 20, 100 << 20, false},
		{130 << 20, 100 << 20, true},
	} {
		if got := (memoryUse{held: c.held, live: c.live}).wasteful(); got != c.want {
			t.Errorf("%d MiB held of which %d are in use: %v", c.held>>20, c.live>>20, got)
		}
	}
}
