// Redis measures what the broker on Redis costs, beside what Redis itself can do:
//
//	go run ./bench/redis
//
// First the rate of publishing: redis-benchmark, which runs the shipped script and does nothing
// else, against Broker.Publish, and against instances that are asked over HTTP. Then the time
// that a message takes from one instance to a WebSocket subscriber of another, against a bare
// PUBLISH and SUBSCRIBE, and against the least that anyone could do who keeps what is published:
// the shipped script, and a process that copies what is announced to a connection, unread.
//
// The exit status is 1 when the broker reaches less than 0.70 of the rate of redis-benchmark,
// or takes more than 1.25 times as long as that relay. Redis has a core to itself, and everyone
// else shares another, where there are two and taskset. It needs redis-server and
// redis-benchmark. Run it at the root of the repository, on a machine that does nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"
)

const (
	leastShare  = 0.70 // of the rate of redis-benchmark
	mostDelay   = 1.25 // times the p50 of the smallest relay
	channels    = 1000
	payloadSize = 256
	publishers  = 64
)

// A plan is how much is measured.
type plan struct {
	rounds    int
	publishes int // in each round, by redis-benchmark and by Broker.Publish
	requests  int // publishes over HTTP, one a request
	slices    int // of latency, of each kind
	slice     time.Duration
	pinned    bool // this process and what it starts, but for Redis, are on one core
	check     bool
}

func main() {
	p := plan{check: true}
	flag.IntVar(&p.rounds, "rounds", 3, "how often each rate is measured, in turns; 0: only the latency")
	flag.IntVar(&p.publishes, "publishes", 200_000, "publications in each round")
	flag.IntVar(&p.requests, "requests", 20_000, "publications over HTTP, one a request; ten times as many in batches")
	flag.IntVar(&p.slices, "slices", 8, "how often each latency is measured for a second, in turns")
	flag.BoolVar(&p.pinned, "pinned", false, "this process was put on its core") // how this program starts itself
	p.slice = time.Second
	var l load
	flag.StringVar(&l.way, "way", "", "only publish, by broker, single or batch, and print how long it took; or be the relay") // likewise
	flag.StringVar(&l.addr, "addr", "", "with -way: `HOST:PORT` of Redis or of an instance")
	flag.StringVar(&l.topics, "topics", "", "with -way relay: what to subscribe to")
	flag.StringVar(&l.profile, "cpuprofile", "", "with -way: write a CPU profile to `FILE`")
	flag.Parse()
	if l.way == "" && !p.pinned && runtime.NumCPU() > 1 {
		pin()
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if l.way != "" {
		err = l.run(ctx, os.Stdout, p.publishes)
	} else {
		err = run(ctx, os.Stdout, p)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

// run prints everything. The error says which of the bounds does not hold, or why nothing could
// be measured.
func run(ctx context.Context, w io.Writer, p plan) error {
	b, err := newBench(ctx, p.pinned)
	if err != nil {
		return err
	}
	defer b.close()
	fmt.Fprintf(w, "Redis %s %s, %s\n\n", b.version, b.cores(), runtime.Version())

	share := 1.0
	if p.rounds > 0 {
		if share, err = b.rates(ctx, w, p); err != nil {
			return fmt.Errorf("rates: %w", err)
		}
		fmt.Fprintln(w)
	}
	delay, err := b.delays(ctx, w, p)
	if err != nil {
		return fmt.Errorf("latency: %w", err)
	}
	if !p.check {
		return nil
	}
	var short, slow error
	if share < leastShare {
		short = fmt.Errorf("the broker reaches %.2f of the rate of redis-benchmark: less than %.2f", share, leastShare)
	}
	if delay > mostDelay {
		slow = fmt.Errorf("a message takes %.2f times as long as over the smallest relay: more than %.2f", delay, mostDelay)
	}
	return errors.Join(short, slow)
}

// median returns the middle of what was measured.
func median(rates []float64) float64 {
	rates = slices.Sorted(slices.Values(rates))
	return rates[len(rates)/2]
}

// percentile returns the smallest duration that share of all do not exceed.
func percentile(all []time.Duration, share float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[min(int(share*float64(len(all))), len(all)-1)]
}
