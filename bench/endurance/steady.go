package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/wsbridge/wsbridge/bench/internal/process"
	"github.com/wsbridge/wsbridge/internal/load"
)

// full is the part of their bound from which logs count as full: they are cut in steps.
const full = 0.9

// A watch is what is seen of the server's memory under a steady load.
type watch struct {
	heap, resident course
	full           time.Duration // when the logs had reached their bound; 0: never
}

// playSteady prints how a steady load went. The error says what went wrong.
func playSteady(ctx context.Context, w io.Writer, binary string, p plan) (err error) {
	s, err := startServer(ctx, binary, "WSBRIDGE_MEMORY="+p.memory)
	if err != nil {
		return err
	}
	defer func() { err = s.end(err) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := process.Command(ctx, binary, "bench", "unicast", "--json", "--url", "http://"+s.Addr,
		"--clients", strconv.Itoa(p.receivers), "--publishers", strconv.Itoa(p.publishers),
		"--rate", strconv.FormatFloat(p.rate, 'f', -1, 64), "--duration", p.length.String())
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the report says what went wrong
		close(ended)
	}()
	seen, watchErr := s.watch(ctx, p.step, ended)
	if watchErr != nil {
		cancel()
	}
	<-ended
	var report load.Report
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		return errors.Join(watchErr, fmt.Errorf("%s: %w\n%s", cmd, err, &said))
	}
	if watchErr != nil {
		return watchErr
	}

	lost := report.Checked.Lost + report.Checked.Gaps + report.Checked.Doubled + report.Checked.OutOfOrder + report.Checked.Damaged
	fmt.Fprintf(w, "\n| steady load | publications a second | failed | lost or wrong | p50, p99 of delivery | logs full after | heap in use: first, middle, last third; max | RSS: first, middle, last third; max |\n")
	fmt.Fprintf(w, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	fmt.Fprintf(w, "| %.0f a second for %v to %d WebSockets | %.0f | %d | %d | %.1f ms, %.1f ms | %s of %s | %s | %s |\n",
		p.rate, p.length, p.receivers, report.Publishes.PerSecond, report.Publishes.Failed, lost,
		report.Deliveries.P50, report.Deliveries.P99, seconds(seen.full), p.memory, seen.heap, seen.resident)

	errs := []error{report.Err()}
	if report.Ended != "" {
		errs = append(errs, fmt.Errorf("it ended early: %s", report.Ended))
	}
	if report.Publishes.PerSecond < p.share*p.rate {
		errs = append(errs, fmt.Errorf("%.0f publications a second of %.0f", report.Publishes.PerSecond, p.rate))
	}
	if seen.full == 0 || seen.full > p.length/3 {
		errs = append(errs, fmt.Errorf("logs of %s are not full within the first third: the other two say nothing", p.memory))
	}
	for _, memory := range []struct {
		name string
		course
	}{{"heap in use", seen.heap}, {"RSS", seen.resident}} {
		if err := memory.flat(p.growth); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", memory.name, err))
		}
	}
	return errors.Join(errs...)
}

// watch looks at the memory, again and again, until done is closed.
func (s *server) watch(ctx context.Context, step time.Duration, done <-chan struct{}) (seen watch, err error) {
	start, tick := time.Now(), time.NewTicker(step)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-done:
			return seen, nil
		}
		rss, err := s.resident()
		if err != nil {
			return seen, err
		}
		page, err := s.metrics(ctx)
		if err != nil {
			return seen, err
		}
		heap, err1 := metric(page, heapInUse)
		logs, err2 := metric(page, logBytes)
		bound, err3 := metric(page, logLimit)
		if err := errors.Join(err1, err2, err3); err != nil {
			return seen, err
		}
		seen.heap, seen.resident = append(seen.heap, heap), append(seen.resident, rss)
		if seen.full == 0 && float64(logs) >= full*float64(bound) {
			seen.full = time.Since(start)
		}
	}
}
