package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

const (
	openTimeout    = 10 * time.Second
	heartbeatGrace = 5 * time.Second // beyond two heartbeats
	pollGrace      = time.Minute     // beyond the time that a poll is held
)

// A carrier opens a line and reads it to its end. The session owns its fields; its goroutine
// has the line alone until it is welcomed.
type carrier struct {
	transport Transport
	channels  map[pubsub.Channel]bool // that the line carries
	token     string
	cancel    context.CancelFunc
	live      chan struct{} // closed when the line's events are wanted

	line     *raw.Line // nil until welcomed
	welcome  raw.Event
	welcomed time.Time
	heard    bool // a heartbeat came
	outdated bool // a gap was given since it was opened, so what it brings is of another history
}

// A report is what a goroutine of the session tells it.
type report struct {
	from  *carrier
	line  *raw.Line // with the welcome
	event raw.Event
	err   error // the last of a carrier
	token *fetched
}

// run reports a welcome, then, once the carrier is live, every event, then the error.
func (c *carrier) run(ctx context.Context, o raw.Options, reports chan<- report) {
	tell := func(r report) bool {
		select {
		case reports <- r:
			return true
		case <-ctx.Done():
			return false
		}
	}
	read := reader{alive: openTimeout}
	line, welcome, err := read.open(ctx, o)
	if err != nil {
		tell(report{from: c, err: err})
		return
	}
	defer line.Close()
	if !tell(report{from: c, line: line, event: welcome}) {
		return
	}
	select {
	case <-c.live:
	case <-ctx.Done():
		return
	}
	for {
		e, err := read.next(ctx, line)
		if errors.As(err, new(silence)) {
			line.CloseNow() // nobody is there to say goodbye to
		}
		if !tell(report{from: c, event: e, err: err}) || err != nil {
			return
		}
	}
}

// A reader waits for the events of a line, and gives up on one that is silent.
type reader struct {
	alive    time.Duration
	welcomed bool
	reason   *Refused // an error that the server sent ahead of closing
}

func (r *reader) open(ctx context.Context, o raw.Options) (*raw.Line, raw.Event, error) {
	opening, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	line, err := raw.Open(opening, o)
	if err != nil {
		if opening.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w: %v has not answered after %v", raw.ErrBroken, o.Transport, openTimeout)
		}
		return nil, raw.Event{}, err
	}
	for {
		e, err := r.next(opening, line)
		if opening.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w: %v was taken, and nothing came for %v", raw.ErrBroken, o.Transport, openTimeout)
		}
		if err != nil {
			line.CloseNow()
			return nil, e, err
		}
		if e.Type == raw.Welcome {
			r.welcomed = true
			r.alive = 2*e.Heartbeat + heartbeatGrace
			if o.Transport >= LongPoll || e.Heartbeat <= 0 {
				r.alive = max(o.Wait, o.Interval) + pollGrace
			}
			return line, e, nil
		}
	}
}

func (r *reader) next(ctx context.Context, line *raw.Line) (raw.Event, error) {
	waiting, cancel := context.WithTimeout(ctx, r.alive)
	defer cancel()
	e, err := line.Next(waiting)
	switch {
	case err != nil && waiting.Err() != nil && ctx.Err() == nil:
		return e, silence{r.alive}
	case err != nil && r.reason != nil && r.reason.Final():
		// The close code says what to do, the error before it why, and about which channel.
		return e, r.reason
	case e.Type == raw.Failed && (e.Ref == "" || !r.welcomed):
		r.reason = &Refused{Code: e.Code, Detail: e.Detail, Channel: string(e.Channel)}
	}
	return e, err
}
