package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/bench/internal/process"
)

// Metrics that are looked at.
const (
	heapInUse = "go_memstats_heap_inuse_bytes"
	logBytes  = "wsbridge_log_bytes"
	logLimit  = "wsbridge_log_limit_bytes"
)

// A server is wsbridge with the embedded broker, in a process of its own.
type server struct {
	*process.Process
	admin string // HOST:PORT
	asker http.Client
}

func startServer(ctx context.Context, binary string, env ...string) (*server, error) {
	addr, err := process.FreeAddr()
	if err != nil {
		return nil, err
	}
	admin, err := process.FreeAddr()
	if err != nil {
		return nil, err
	}
	p, err := process.Start(ctx, process.Program{
		Addr: addr, Path: binary, Args: []string{"serve", "--dev"},
		Env: append(env, "WSBRIDGE_ADDR="+addr, "WSBRIDGE_ADMIN_ADDR="+admin,
			"WSBRIDGE_DRAIN_DELAY=0s", "WSBRIDGE_DRAIN=0s", "WSBRIDGE_LOG_LEVEL=warn"),
		Ready: func() bool { return process.Ready(addr) },
	})
	if err != nil {
		return nil, err
	}
	return &server{Process: p, admin: admin, asker: http.Client{Timeout: 10 * time.Second}}, nil
}

// end ends the server. To an error it adds what the server has logged.
func (s *server) end(err error) error {
	said := s.End()
	if err == nil {
		return nil
	}
	for line := range strings.Lines(said) {
		if strings.Contains(line, " level=") && !strings.Contains(line, "--dev on ") { // the rest is the greeting
			err = fmt.Errorf("%w\nThe server said: %s", err, strings.TrimSpace(line))
		}
	}
	return err
}

// resident returns the resident set in bytes. It costs the server nothing.
func (s *server) resident() (uint64, error) { return resident(s.ID) }

// metrics returns the page for Prometheus.
func (s *server) metrics(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+"/metrics", nil)
	if err != nil {
		return "", err
	}
	answer, err := s.asker.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("/metrics: %s", answer.Status)
	}
	return string(page), err
}

// heap returns how many bytes of the heap are in use, garbage that was not collected yet counted.
func (s *server) heap(ctx context.Context) (uint64, error) {
	page, err := s.metrics(ctx)
	if err != nil {
		return 0, err
	}
	return metric(page, heapInUse)
}

// metric returns the value of a metric without labels.
func metric(page, name string) (uint64, error) {
	for line := range strings.Lines(page) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return uint64(f), err
		}
	}
	return 0, fmt.Errorf("/metrics has no %s", name)
}
