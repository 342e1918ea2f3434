package transport

import (
	"runtime"
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

// workerWaits is how long a worker waits for its next task.
const workerWaits = 5 * time.Second

func (w *workers) work(task func()) {
	task()
	most := int32(4 * runtime.GOMAXPROCS(0))
	defer w.waiting.Add(-1)
	if w.waiting.Add(1) > most {
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
		w.waiting.Add(-1)
		task()
		if w.waiting.Add(1) > most {
			return
		}
		timer.Reset(workerWaits)
	}
}

// close waits for all tasks. It may be called twice.
func (w *workers) close() {
	w.once.Do(func() { close(w.quit) })
	w.all.Wait()
}
