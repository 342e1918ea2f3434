package load

import (
	"sync"
	"time"
)

// Progress tells how far a run is.
type Progress struct {
	Connected, Clients   int
	Published, Delivered int64         // so far
	PerSecond            float64       // deliveries since the last time
	Elapsed              time.Duration // since the run began
	Wrong                int64         // doubled, out of order, damaged, gaps, closed, failed; losses are known at the end
}

const progressStep = time.Second

// watch calls OnProgress each second until stop is called.
func (r *run) watch() (stop func()) {
	if r.OnProgress == nil {
		return func() {}
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(progressStep)
		defer tick.Stop()
		var before Progress
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			p := r.progress()
			p.PerSecond = float64(p.Delivered-before.Delivered) / (p.Elapsed - before.Elapsed).Seconds()
			before = p
			r.OnProgress(p)
		}
	})
	return sync.OnceFunc(func() {
		close(done)
		wg.Wait()
	})
}

func (r *run) progress() Progress {
	c := &r.counts
	return Progress{
		Connected: int(r.connects.total.Load()), Clients: len(r.clients),
		Published: r.publishes.total.Load(), Delivered: r.deliveries.total.Load(),
		Elapsed: r.now(),
		Wrong: c.doubled.Load() + c.outOfOrder.Load() + c.damaged.Load() + c.gaps.Load() + c.closed.Load() +
			r.connectFailed.Load() + r.publishFailed.Load(),
	}
}
