package raw

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A Listener stays connected. Its cursor outlives its lines, so that Listen may be called
// again, by one goroutine at a time.
type Listener struct {
	options  Options
	progress *progress
}

// NewListener does no I/O. The Transport of o can be any.
func NewListener(o Options) *Listener {
	o = o.withDefaults()
	return &Listener{o, newProgress(&o, false)}
}

// Listen is [Listener.Listen] of a new Listener.
func Listen(ctx context.Context, o Options) iter.Seq2[Event, error] {
	return NewListener(o).Listen(ctx)
}

// Cursor returns where the listener stands. It moves behind an event before the event is
// given, so whoever stores it while handling one is never given that one again. It may be
// called at any time from any goroutine.
func (l *Listener) Cursor() pubsub.Cursor { return l.progress.position() }

// Listen gives what the server says, over as many lines as it takes: every message behind
// the cursor once and in the order of its channel, gaps where the server has no more, and a
// welcome for each line. It ends with an error: that of ctx, or a [*CloseError] or
// [*Refused] that trying again would not change. Leaving the loop ends it as well.
func (l *Listener) Listen(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var wait backoff
		for {
			begin := time.Now()
			left, err := l.line(ctx, yield)
			if left {
				return
			}
			if ctx.Err() != nil {
				yield(Event{}, ctx.Err())
				return
			}
			after, final := wait.after(err, time.Since(begin))
			if final {
				yield(Event{}, err)
				return
			}
			l.options.OnRetry(err, after)
			if err := sleep(ctx, after); err != nil {
				yield(Event{}, err)
				return
			}
		}
	}
}

const (
	openTimeout    = 10 * time.Second
	heartbeatGrace = 5 * time.Second // beyond two heartbeats
)

// line gives the events of one line. left tells that the consumer wants no more.
func (l *Listener) line(ctx context.Context, yield func(Event, error) bool) (left bool, err error) {
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	line, err := open(opening, &l.options, l.progress)
	if err != nil {
		if opening.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w: not open after %v", errBroken, openTimeout)
		}
		return false, err
	}
	defer line.CloseNow()
	alive := openTimeout
	for {
		e, err := next(ctx, line, alive)
		if err != nil {
			return false, err
		}
		if e.Type == Welcome {
			alive = l.silence(&e)
		}
		if e.Type == Heartbeat {
			continue
		}
		if !yield(e, nil) {
			line.Close()
			return true, nil
		}
	}
}

// silence returns after which time without a word the line is dead. Polls end by themselves.
func (l *Listener) silence(welcome *Event) time.Duration {
	if l.options.Transport >= LongPoll || welcome.Heartbeat <= 0 {
		return max(l.options.Wait, l.options.Interval) + 2*pollGrace
	}
	return 2*welcome.Heartbeat + heartbeatGrace
}

func next(ctx context.Context, line *Line, alive time.Duration) (Event, error) {
	waiting, cancel := context.WithTimeout(ctx, alive)
	defer cancel()
	e, err := line.Next(waiting)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: nothing came for %v", errBroken, alive)
	}
	return e, err
}
