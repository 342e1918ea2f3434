package load

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// requestTimeout is above the five seconds within which a publish is answered.
const requestTimeout = 10 * time.Second

// maxFailed bounds what is kept of failed publishes.
const maxFailed = 10_000

// publish publishes to all channels in turn for Options.Duration, at a rate or in a window.
// Publisher p has the channels p, p+P, p+2P … of P publishers, and the publications of the same
// numbers: so each channel has one, and together they keep the rate.
func (r *run) publish(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	publishers := min(r.Publishers, len(r.channels))
	start := r.now()
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			if err := r.publisher(ctx, start, p, publishers); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	r.publishTime = r.now() - start
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (r *run) publisher(ctx context.Context, start time.Duration, p, publishers int) error {
	var mine []*channel
	for i := p; i < len(r.channels); i += publishers {
		mine = append(mine, r.channels[i])
	}
	conn := &requester{target: r.target}
	defer conn.close()
	end := start + r.Duration
	for k := 0; ; k++ {
		var sent time.Duration
		var ok bool
		if r.window != nil {
			sent, ok = r.inWindow(ctx, end)
		} else {
			sent, ok = r.atRate(ctx, start, end, p+k*publishers)
		}
		if !ok {
			return nil
		}
		if err := r.publishOne(ctx, conn, mine[k%len(mine)], sent); err != nil {
			return err
		}
	}
}

// atRate waits for the time of the i-th publication. A publisher that is late, because an answer
// took long, lets its message count from when it should have been sent: clients waited for it.
// One that the system woke late does not.
func (r *run) atRate(ctx context.Context, start, end time.Duration, i int) (sent time.Duration, ok bool) {
	planned := start + time.Duration(float64(i)/r.Rate*float64(time.Second))
	if planned >= end {
		return 0, false
	}
	if now := r.now(); planned < now {
		return planned, ctx.Err() == nil
	}
	ok = r.sleepUntil(ctx, planned)
	return r.now(), ok
}

// inWindow waits until there is room in the window. Where nothing comes any more, there is
// nothing to wait for.
func (r *run) inWindow(ctx context.Context, end time.Duration) (sent time.Duration, ok bool) {
	for r.now() < end && ctx.Err() == nil {
		t := time.NewTimer(min(end-r.now(), 100*time.Millisecond))
		select {
		case <-*r.window:
			t.Stop()
			return r.now(), ctx.Err() == nil
		case <-t.C:
			if r.silent(r.Patience) {
				return 0, false
			}
		case <-ctx.Done():
		}
		t.Stop()
	}
	return 0, false
}

// publishOne publishes to a channel. The error is one that all later publishes would have.
func (r *run) publishOne(ctx context.Context, conn *requester, c *channel, sent time.Duration) error {
	number := c.begin()
	data := r.payloads.append(nil, c.index, number, sent)
	status, body, err := conn.do(ctx, requestTimeout, withBody(r.target.head(http.MethodPost, "/v1/channels/"+c.name+"/messages", r.APIKey), data))
	if err == nil && status != http.StatusCreated {
		err = refused(status, body)
	}
	if err == nil {
		r.publishes.record(r.now() - sent)
		r.expected.Add(int64(c.subscribers))
		return nil
	}
	c.fail(number)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was not sent
	}
	r.reasons.add("publishing", err)
	failed := r.publishFailed.Add(1)
	var refusal *refusal
	if errors.As(err, &refusal) && refusal.status >= 400 && refusal.status < 500 && refusal.status != http.StatusRequestTimeout && refusal.status != http.StatusTooManyRequests {
		return fmt.Errorf("publishing is refused: %w", err)
	}
	if failed >= maxFailed || failed >= tooManyFailures && failed > r.publishes.total.Load() {
		return fmt.Errorf("too many publishes fail, the last one with: %w", err)
	}
	return nil
}
