package transport

import (
	"sync"
	"sync/atomic"
	"time"
)

// Workers do what may block, for connections that have no goroutine of their own. Each task
// has a goroutine to itself. A few of those that are done wait a little for another one: a
// stack that has grown is cheaper than a new one.
type workers struct {
	tasks   chan func()
	quit    chan struct{}
	once    sync.Once // closes quit
	waiting atomic.Int32
	all     sync.WaitGroup
}

func (w *workers) init() { w.tasks, w.quit = make(chan func()), make(chan struct{}) }

// do does a task soon. It does not block. Once close was called, only tasks call it.
func (w *workers) do(task func()) {
	select {
	case w.tasks <- task:
	default:
		w.all.Go(func() { w.work(task) })
	}
}

const (
	workerWaits = 5 * time.Second // for its next task
	mostWaiting = 256             // workers: with their stacks, some 4 MiB
)

func (w *workers) work(task func()) {
	growStack(0)
	task()
	defer w.waiting.Add(-1)
	if w.waiting.Add(1) > mostWaiting {
		return
	}
	timer := time.NewTimer(workerWaits)
	defer timer.Stop()
	for {
		select {
		case task = <-w.tasks:
		case <-timer.C:
			return
		case <-w.quit:
			return
		}
		waiting := w.waiting.Add(-1)
		growStack(int(waiting)) // the collector shrinks that of who waits
		task()
		if w.waiting.Add(1) > mostWaiting {
			return
		}
		timer.Reset(workerWaits)
	}
}

// growStack has the stack grow while there is next to nothing on it. To serve a request takes
// some 8 KiB, and to grow in the midst of that means to adjust all that is on it, more than once.
//
//go:noinline
func growStack(i int) byte {
	var room [8 << 10]byte
	room[i%len(room)] = 1 // unknown to the compiler, which else does without the array
	return room[(i+1)%len(room)]
}

// close waits for all tasks. It may be called twice.
func (w *workers) close() {
	w.once.Do(func() { close(w.quit) })
	w.all.Wait()
}
