package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// tooManyFailures is how many connections, or publishes, may fail before a run gives up, where
// these are most of them.
const tooManyFailures = 100

// connect opens all clients' connections, at Options.ConnectRate or as they come. The first one
// is opened alone: what is wrong with it, is with all.
func (r *run) connect(ctx context.Context) error {
	start := r.now()
	if err := r.connectOne(ctx, r.clients[0]); err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var taken atomic.Int64
	var wg sync.WaitGroup
	for range r.Connecting {
		wg.Go(func() {
			for {
				i := int(taken.Add(1))
				if i >= len(r.clients) || !r.pace(ctx, start, i, r.ConnectRate) {
					return
				}
				if err := r.connectOne(ctx, r.clients[i]); err != nil && ctx.Err() == nil {
					r.reasons.add("connecting", err)
					if failed := r.connectFailed.Add(1); failed >= tooManyFailures && failed > r.connects.total.Load() {
						cancel(fmt.Errorf("most connections fail, the last one with: %w", err))
					}
				}
			}
		})
	}
	wg.Wait()
	r.connectTime = r.now() - start
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// connectOne connects a client and follows it from then on.
func (r *run) connectOne(ctx context.Context, s *subscriber) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	began := r.now()
	line, err := r.workload.open(ctx, r.target, s.channel.name, r.token)
	if err != nil {
		return err
	}
	r.connects.record(r.now() - began)
	s.line = line
	r.following.Go(func() {
		err := line.follow(s)
		line.close()
		if !r.ending.Load() {
			r.counts.closed.Add(1)
			r.reasons.add("connection", err)
		}
	})
	return nil
}

// pace waits for the time of the i-th of what happens at a rate. It reports false when ctx ends.
func (r *run) pace(ctx context.Context, start time.Duration, i int, rate float64) bool {
	if rate == 0 {
		return ctx.Err() == nil
	}
	return r.sleepUntil(ctx, start+time.Duration(float64(i)/rate*float64(time.Second)))
}

func (r *run) sleepUntil(ctx context.Context, at time.Duration) bool {
	wait := at - r.now()
	if wait <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
