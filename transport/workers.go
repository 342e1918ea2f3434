package transport

import (
	"slices"
	"sync"
	"time"
)

// Workers do what may block, for connections that have no goroutine of their own: one task each at
// a time. A task is begun at once while few are under way. Beyond that it waits for one to end, since
// as long as they end, more at the same time are not done any sooner, and thousands of stacks are
// needed for them when thousands of clients come at once. When they do not end, each of them
// waits for something, such as the broker, and more workers start.
type workers struct {
	mu      sync.Mutex // guards what follows
	queue   []func()   // tasks that no worker has yet: as many as connections, at most
	busy    int        // workers that have a task
	idle    []*worker  // those that wait for one, the last that did last
	ended   int        // tasks, since the last look
	looking bool       // a goroutine looks whether they end

	quit chan struct{}
	once sync.Once // closes quit
	all  sync.WaitGroup
}

// A worker has one task after the other.
type worker struct {
	task  chan func() // holds the one that it was given while it was idle
	timer *time.Timer // how long it waits
}

const (
	promptWorkers = 256 // that start without a look at whether others end
	mostIdle      = 256 // with their stacks, some 4 MiB
	workerWaits   = 5 * time.Second
	workerLook    = 20 * time.Millisecond

	// workerShare is how many workers there are to a task that ends between two looks, when they are
	// taken to wait for something: a task takes 160 ms then.
	workerShare = 8
)

func (w *workers) init() { w.quit = make(chan struct{}) }

// do does a task soon. It does not block. Once close was called, only tasks call it. Of those who
// wait it takes the last: its stack is in the caches, and the others come to their end.
func (w *workers) do(task func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch last := len(w.idle) - 1; {
	case last >= 0:
		w.busy++
		w.idle[last].task <- task
		w.idle[last] = nil
		w.idle = w.idle[:last]
	case w.busy < promptWorkers:
		w.start(task)
	default:
		w.queue = append(w.queue, task)
		if !w.looking {
			w.looking = true
			w.all.Go(w.look)
		}
	}
}

// start starts a worker. The mutex is held.
func (w *workers) start(task func()) {
	w.busy++
	w.all.Go(func() { w.work(task) })
}

// look starts more workers as often as tasks wait and too few end, until none waits.
func (w *workers) look() {
	for {
		time.Sleep(workerLook)
		w.mu.Lock()
		if len(w.queue) == 0 {
			w.looking = false
			w.mu.Unlock()
			return
		}
		if workerShare*w.ended < w.busy {
			for range min(w.busy, len(w.queue)) {
				w.start(w.first())
			}
		}
		w.ended = 0
		w.mu.Unlock()
	}
}

// first takes the task that has waited longest. There is one, and the mutex is held.
func (w *workers) first() func() {
	task := w.queue[0]
	w.queue[0] = nil
	if w.queue = w.queue[1:]; len(w.queue) == 0 {
		w.queue = nil
	}
	return task
}

// work does one task after the other. A worker that is done waits a little for another one: a stack
// that has grown is cheaper than a new one.
func (w *workers) work(task func()) {
	me := &worker{make(chan func(), 1), time.NewTimer(workerWaits)}
	defer me.timer.Stop()
	for turns := 0; task != nil; turns++ {
		growStack(turns) // the collector shrinks that of who waits
		task()
		task = w.next(me)
	}
}

// next ends a task and returns another one, or nil when there is none for long.
func (w *workers) next(me *worker) func() {
	w.mu.Lock()
	w.ended++
	if len(w.queue) > 0 {
		defer w.mu.Unlock()
		return w.first()
	}
	w.busy--
	if len(w.idle) == mostIdle {
		w.mu.Unlock()
		return nil
	}
	w.idle = append(w.idle, me)
	w.mu.Unlock()

	me.timer.Reset(workerWaits)
	select {
	case task := <-me.task:
		return task
	case <-me.timer.C:
	case <-w.quit:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	at := slices.Index(w.idle, me)
	if at < 0 {
		return <-me.task // it came just now
	}
	w.idle = slices.Delete(w.idle, at, at+1)
	return nil
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
