package transport

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A crew is workers, and what a test sees of them.
type crew struct {
	workers

	mu       sync.Mutex // guards what follows
	now      int        // tasks under way
	most     int        // at a time
	finished []int
}

func newCrew() *crew {
	c := &crew{}
	c.init()
	return c
}

// add has a task done that takes so long.
func (c *crew) add(number int, length time.Duration) {
	c.do(func() {
		c.mu.Lock()
		c.now++
		c.most = max(c.most, c.now)
		c.mu.Unlock()
		time.Sleep(length)
		c.mu.Lock()
		c.now--
		c.finished = append(c.finished, number)
		c.mu.Unlock()
	})
}

func (c *crew) underWay() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func TestTasksWaitForWorkersThatGetOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		const tasks = 20_000
		start := time.Now()
		for i := range tasks {
			c.add(i, 10*time.Millisecond)
		}
		synctest.Wait()
		if c.underWay() != promptWorkers {
			t.Errorf("%d tasks begin at once, want %d", c.underWay(), promptWorkers)
		}
		c.close()
		if c.most != promptWorkers {
			t.Errorf("%d tasks were under way at a time, want %d", c.most, promptWorkers)
		}
		if took, least := time.Since(start), tasks/promptWorkers*10*time.Millisecond; len(c.finished) != tasks || took > least+least/10 {
			t.Errorf("%d of %d tasks are done after %v", len(c.finished), tasks, took)
		}
		at := make([]int, tasks)
		for i, number := range c.finished {
			at[number] = i
		}
		for number, i := range at {
			if i-number > promptWorkers || number-i > promptWorkers {
				t.Fatalf("task %d ended as the %dth", number, i)
			}
		}
	})
}

func TestTasksThatWaitDoNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		const tasks = 20_000
		for i := range tasks {
			c.add(i, 5*time.Second)
		}
		time.Sleep(10 * workerLook)
		synctest.Wait()
		if c.underWay() != tasks {
			t.Errorf("%d of %d tasks are under way", c.underWay(), tasks)
		}
		c.close()
	})
}

func TestFewTasksThatGetOnAmongManyThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		for i := range promptWorkers - 1 {
			c.add(i, time.Minute)
		}
		for i := range 100 {
			c.add(i, 10*time.Millisecond)
		}
		time.Sleep(2 * workerLook)
		synctest.Wait()
		if n := c.underWay(); n != promptWorkers-1 {
			t.Errorf("%d tasks are under way, want those that take a minute", n)
		}
		c.close()
		if n := len(c.finished); n != promptWorkers-1+100 {
			t.Errorf("%d tasks are done", n)
		}
	})
}

func TestIdleWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrew()
		idle := func() int {
			synctest.Wait()
			c.workers.mu.Lock()
			defer c.workers.mu.Unlock()
			return len(c.idle)
		}
		for i := range 2 * promptWorkers {
			c.add(i, time.Second)
		}
		time.Sleep(1100 * time.Millisecond)
		if n := idle(); n != mostIdle {
			t.Errorf("%d workers wait, want %d", n, mostIdle)
		}
		for i := range 10 {
			c.add(i, time.Millisecond)
		}
		if n := idle(); n != mostIdle-10 {
			t.Errorf("%d workers wait while 10 tasks are under way", n)
		}
		for i := range 100 {
			time.Sleep(workerWaits / 50)
			c.add(i, time.Millisecond)
		}
		time.Sleep(workerWaits / 50)
		if n := idle(); n != 1 {
			t.Errorf("%d workers wait, want the one that had all of the last tasks", n)
		}
		time.Sleep(workerWaits)
		if n := idle(); n != 0 {
			t.Errorf("%d workers wait after %v", n, workerWaits)
		}
		c.add(0, time.Second)
		c.close()
		c.close()
		if n := idle(); n != 0 || c.busy != 0 || c.most != 2*promptWorkers {
			t.Errorf("%d workers wait, %d are busy, %d were", n, c.busy, c.most)
		}
	})
}
