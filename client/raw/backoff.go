package raw

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/wsbridge/wsbridge/transport/wire"
)

const (
	backoffFirst = 500 * time.Millisecond
	backoffMost  = 20 * time.Second
	steady       = 10 * time.Second // a line that lasted so long was a good one
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
		return no.RetryAfter + b.next(), no.final()
	}
	// Anything else is about what was asked for, such as a URL that is none.
	rules := (*Violation)(nil)
	return b.next(), !errors.Is(err, errBroken) && !errors.As(err, &rules)
}
