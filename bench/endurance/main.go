// Endurance measures what a server bears, and whether it is afterwards what it was before:
//
//	go run ./bench/endurance
//
// First a few storms: as many WebSockets as open files allow are cut all at once, as when a proxy
// or a network fails, and come back all at once, while a backend goes on publishing. Then a steady
// load for minutes, with logs that soon reach their bound: memory has to stay where it is.
//
// The exit status is 1 when a client does not come back, a publication fails or is lost, memory
// stays more than a tenth above what it was, or the rate is not reached. The server, with the
// embedded broker, is a process of its own; the clients are others, on the same machine. Each side
// needs a descriptor a client. Run it at the root of the repository, on Linux, on a machine that
// does nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/wsbridge/wsbridge/bench/internal/process"
)

// A plan is how much is played, and what is still good.
type plan struct {
	clients  int           // of the storms; 0: no storm
	storms   int           // one after the other
	calm     time.Duration // for which memory has to stand still before the first
	patience time.Duration // within which all clients are back, and then memory

	receivers  int           // of the steady load
	rate       float64       // publications a second
	length     time.Duration // 0: no steady load
	publishers int
	memory     string        // WSBRIDGE_MEMORY
	step       time.Duration // from one look at the memory to the next

	growth float64 // of memory, at most: 1.1 is a tenth
	share  float64 // of the rate that has to be reached
}

func main() {
	p := plan{
		calm: 5 * time.Second, patience: 2 * time.Minute,
		receivers: 1000, memory: "64MiB", step: time.Second,
		growth: 1.10, share: 0.95,
	}
	flag.IntVar(&p.clients, "clients", 19_000, "WebSockets of the storms; 0: no storm")
	flag.IntVar(&p.storms, "storms", 3, "how many storms follow each other")
	flag.Float64Var(&p.rate, "rate", 10_000, "publications a second of the steady load")
	flag.DurationVar(&p.length, "for", 3*time.Minute, "how long the steady load lasts; 0: none")
	flag.IntVar(&p.publishers, "publishers", 32, "connections that the steady load publishes over")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}
}

// run prints everything. The error says what was not as it should be, or why nothing could be
// measured.
func run(ctx context.Context, w io.Writer, p plan) error {
	dir, err := os.MkdirTemp("", "wsbridge-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := process.Build(ctx, dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n", machine())

	var errs []error
	if p.clients > 0 {
		if err := playStorms(ctx, w, binary, p); err != nil {
			errs = append(errs, fmt.Errorf("storms: %w", err))
		}
	}
	if p.length > 0 && ctx.Err() == nil {
		if err := playSteady(ctx, w, binary, p); err != nil {
			errs = append(errs, fmt.Errorf("steady load: %w", err))
		}
	}
	return errors.Join(errs...)
}
