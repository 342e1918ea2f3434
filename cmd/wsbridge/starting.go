package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A broker that cannot be reached is tried again after pauses that double, each shortened by
// chance to as little as its half: so that many instances do not come at once to a Redis that
// has just come back, and none comes late.
const (
	firstPause   = 250 * time.Millisecond
	longestPause = 5 * time.Second
)

// tryFor bounds one try. A Redis that does not answer ends it sooner.
const tryFor = time.Minute

// reach calls start until it succeeds, or ctx ends, or it fails with what waiting does not
// mend. Whenever there is another reason to wait for than before, away is told.
func reach(ctx context.Context, start func(context.Context) error, away func(reason error)) error {
	pause, said := firstPause, ""
	for {
		err := try(ctx, start)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, pubsub.ErrUnavailable):
			return err
		}
		if reason := root(err).Error(); reason != said {
			away(err)
			said = reason
		}
		wait(ctx, pause-rand.N(pause/2))
		pause = min(2*pause, longestPause)
	}
}

func try(ctx context.Context, start func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	err := start(limited)
	if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, pubsub.ErrUnavailable) {
		return fmt.Errorf("%w: %w", pubsub.ErrUnavailable, err)
	}
	return err
}

// root returns the innermost error, whose text stays the same from try to try: those around
// it may name the port of a connection.
func root(err error) error {
	for {
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			if e.Unwrap() == nil {
				return err
			}
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			// The sentinel stands in front of its cause.
			all := e.Unwrap()
			if len(all) == 0 {
				return err
			}
			err = all[len(all)-1]
		default:
			return err
		}
	}
}

// errStopped ends an instance that was told to stop before it was ready.
var errStopped = errors.New("stopped while starting")

// begin starts the broker, while requests are refused. hello is called when the first try is
// over. A signal ends it with errStopped; whatever error it returns, the instance is closed.
func (i *instance) begin(signals <-chan os.Signal, hello func()) error {
	ctx, giveUp := context.WithCancel(context.Background())
	defer giveUp()
	begun := make(chan error, 1)
	waited := false // the goroutine's until it is done
	go func() {
		begun <- reach(ctx, i.bridge.Start, func(reason error) {
			if !waited {
				hello()
			}
			waited = true
			i.log.Warn("the broker cannot be reached, and is tried until it can", "broker", i.cfg.Broker(), "error", reason)
		})
	}()

	var err error
	select {
	case err = <-begun:
		if err != nil {
			err = fmt.Errorf("broker %s: %w", i.cfg.Broker(), err)
		}
	case s := <-signals:
		i.log.Info("stopping", "signal", s.String())
		giveUp()
		<-begun
		err = errStopped
	case err = <-i.failed:
		giveUp()
		<-begun
	}
	if err != nil {
		i.close(context.Background())
		return err
	}
	// Not sooner: whoever ends it while it starts need not care for clients.
	i.started.Store(true)
	if !waited {
		hello()
		return nil
	}
	i.log.Info("the broker is reached", "broker", i.cfg.Broker(), "after", time.Since(i.created))
	return nil
}
