package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/redisbroker"
)

// Channels are called as redis-benchmark calls them, which writes twelve digits.
func channel(i int) pubsub.Channel { return pubsub.Channel(fmt.Sprintf("bench:%012d", i)) }

func record(i int) string { return "wsbridge:v1:{" + string(channel(i)) + "}" }

// payload is a JSON string.
func payload() pubsub.Data {
	return pubsub.Data{Kind: pubsub.JSON, Bytes: []byte(`"` + strings.Repeat("x", payloadSize-2) + `"`)}
}

// A deaf receiver follows nothing.
type deaf struct{}

func (deaf) Message(*pubsub.Message)        {}
func (deaf) Break(pubsub.Channel)           {}
func (deaf) Subscribers(pubsub.Channel) int { return 0 }

func startBroker(ctx context.Context, addr string) (*redisbroker.Broker, error) {
	broker, err := redisbroker.New(redisbroker.Options{Addrs: []string{addr}})
	if err != nil {
		return nil, err
	}
	if err := broker.Start(ctx, deaf{}); err != nil {
		broker.Close()
		return nil, err
	}
	return broker, nil
}

// A load is one side of a round: publishers that do nothing else.
type load struct {
	way, addr string
	profile   string
	topics    string // of a relay
}

// run publishes n messages and prints the time that it took, or is a relay.
func (l load) run(ctx context.Context, w io.Writer, n int) error {
	if l.way == "relay" {
		return relay(w, l.addr, l.topics)
	}
	if l.profile != "" {
		f, err := os.Create(l.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	var took time.Duration
	var err error
	switch l.way {
	case "broker":
		took, err = viaBroker(ctx, l.addr, n)
	case "single":
		took, err = overHTTP(ctx, l.addr, n, singles(), http.StatusCreated)
	case "batch":
		took, err = overHTTP(ctx, l.addr, n/batchSize, batches(), http.StatusOK)
	default:
		return fmt.Errorf("no such way: %q", l.way)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, took)
	return err
}

func viaBroker(ctx context.Context, addr string, n int) (time.Duration, error) {
	broker, err := startBroker(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer broker.Close()
	names := make([]pubsub.Channel, channels)
	for i := range names {
		names[i] = channel(i)
	}
	data := payload()
	start := time.Now()
	err = spread(n, func(next func() (int, bool)) error {
		for i, ok := next(); ok; i, ok = next() {
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			if _, err := broker.Publish(ctx, pubsub.Publication{Channel: names[i%channels], ID: id, Data: data}); err != nil {
				return err
			}
		}
		return nil
	})
	return time.Since(start), err
}

// spread shares the numbers below n out among 64 goroutines. It returns one of their errors.
func spread(n int, work func(next func() (int, bool)) error) error {
	var taken atomic.Int64
	next := func() (int, bool) {
		i := int(taken.Add(1)) - 1
		return i, i < n
	}
	errs := make(chan error, publishers)
	var wg sync.WaitGroup
	for range publishers {
		wg.Go(func() {
			if err := work(next); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}
