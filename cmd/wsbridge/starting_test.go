package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
)

// late is a broker that cannot be reached for a while.
type late struct {
	pubsub.Broker
	failures []error
	tried    []time.Time
}

func (l *late) Start(ctx context.Context, r pubsub.Receiver) error {
	n := len(l.tried)
	if l.tried = append(l.tried, time.Now()); n < len(l.failures) {
		return l.failures[n]
	}
	return l.Broker.Start(ctx, r)
}

// refused is how a connection fails that nobody accepts, or that ends, each time from another
// port.
func refused(port int, errno syscall.Errno) error {
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	err := &net.OpError{Op: "read", Net: "tcp", Source: local, Err: os.NewSyscallError("read", errno)}
	return fmt.Errorf("%w: %w", pubsub.ErrUnavailable, err)
}

func TestReachTriesUntilTheBrokerIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loading := fmt.Errorf("%w: %w", pubsub.ErrUnavailable, errors.New("LOADING Redis is loading the dataset in memory"))
		broker := &late{Broker: membroker.New(membroker.Options{})}
		for port := range 20 {
			broker.failures = append(broker.failures, refused(port, syscall.ECONNREFUSED))
		}
		broker.failures = append(broker.failures, refused(20, syscall.ECONNRESET), refused(21, syscall.ECONNRESET), loading, pubsub.ErrUnavailable)
		b := bridge.New(broker, bridge.Options{})
		var said []string
		if err := reach(t.Context(), b.Start, func(reason error) { said = append(said, root(reason).Error()) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{
			"connection refused", "connection reset by peer", "LOADING Redis is loading the dataset in memory", "the broker is unavailable",
		}, said); diff != "" {
			t.Errorf("said (-want +got):\n%s", diff)
		}
		if len(broker.tried) != len(broker.failures)+1 {
			t.Fatalf("%d tries", len(broker.tried))
		}
		least, most := firstPause/2, firstPause
		for i := range broker.failures {
			if pause := broker.tried[i+1].Sub(broker.tried[i]); pause < least || pause > most {
				t.Errorf("pause %d is %v, want %v to %v", i+1, pause, least, most)
			}
			most = min(2*most, longestPause)
			least = most / 2
		}
		// It serves: what failed before has left nothing behind.
		if _, err := b.Publish(t.Context(), pubsub.Publication{Channel: "a", Event: "said"}); err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestReachEndsWithWhatWaitingDoesNotMend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := errors.New("WRONGPASS")
		broker := &late{failures: []error{pubsub.ErrUnavailable, bad}}
		err := reach(t.Context(), func(ctx context.Context) error { return broker.Start(ctx, nil) }, func(error) {})
		if err != bad || len(broker.tried) != 2 {
			t.Errorf("%d tries, error %v", len(broker.tried), err)
		}
	})
}

func TestReachEndsWithItsContext(t *testing.T) {
	t.Run("in a pause", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			begin := time.Now()
			err := reach(ctx, func(context.Context) error { return pubsub.ErrUnavailable }, func(error) { cancel() })
			if !errors.Is(err, context.Canceled) || time.Since(begin) != 0 {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
		})
	})
	t.Run("in a try", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			begin := time.Now()
			err := reach(ctx, func(ctx context.Context) error {
				<-ctx.Done()
				return fmt.Errorf("%w: %w", pubsub.ErrUnavailable, ctx.Err())
			}, func(error) { t.Error("the end is no reason to wait") })
			if !errors.Is(err, context.Canceled) || time.Since(begin) != time.Second {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
		})
	})
}

// A try that hangs is one that failed.
func TestReachBoundsATry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		var said []error
		err := reach(t.Context(), func(ctx context.Context) error {
			if tries++; tries == 3 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}, func(reason error) { said = append(said, reason) })
		if err != nil || len(said) != 1 || !errors.Is(said[0], pubsub.ErrUnavailable) {
			t.Errorf("%v, said %v", err, said)
		}
	})
}
