package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/transport/wire"
)

const (
	backoffFirst = 500 * time.Millisecond
	backoffMost  = 20 * time.Second
	steady       = 10 * time.Second // a line that lasted so long was a good one
	useful       = time.Second      // one that lasted so long was of some use
)

// backoff spreads attempts with full jitter: the n-th failure in a row waits a random time
// up to 0.5 s · 2ⁿ and 20 s.
type backoff struct{ failures int }

func (b *backoff) next() time.Duration {
	most := backoffMost
	if b.failures < 6 {
		most = min(most, backoffFirst<<b.failures)
	}
	b.failures++
	return rand.N(most)
}

// after returns how long to wait behind a line that ended with err and had lasted for some
// time, or final when trying again is no use.
func (b *backoff) after(err error, lasted time.Duration) (wait time.Duration, final bool) {
	if lasted >= steady {
		b.failures = 0
	}
	if closed := (*CloseError)(nil); errors.As(err, &closed) {
		switch next := closed.Code.Next(); {
		case next == wire.Stop:
			return 0, true
		case next == wire.Again && closed.Retry > 0:
			b.failures++
			return closed.Retry, false
		case next == wire.Again && b.failures == 0:
			// At once, but only once: a server that ends each line would be asked without end.
			b.failures++
			return 0, false
		}
		return max(b.next(), closed.Retry), false
	}
	if no := (*Refused)(nil); errors.As(err, &no) {
		// All who were refused at the same time were told the same time.
		return no.RetryAfter + b.next(), no.Final()
	}
	wait = b.next()
	if lasted >= useful {
		// Where each line is cut, no more time goes by without one than with one.
		wait = min(wait, lasted)
	}
	// Anything else is about what was asked for, such as a URL that is none.
	rules := (*Violation)(nil)
	return wait, !errors.Is(err, raw.ErrBroken) && !errors.As(err, &rules)
}

// sleep waits, unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
