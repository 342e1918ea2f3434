package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// publishEvery is how often the backend of a storm publishes.
const publishEvery = 5 * time.Millisecond

// A publisher is a backend with one connection.
type publisher struct {
	addr   string
	client http.Client

	// What became of run, which owns these until it returns.
	published int
	failed    int
	failure   error // the first
	slowest   time.Duration
}

func newPublisher(addr string) *publisher {
	return &publisher{addr: addr, client: http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}, Timeout: 10 * time.Second}}
}

func (p *publisher) close() { p.client.CloseIdleConnections() }

// publish publishes a JSON value, and fails unless it is answered by 201.
func (p *publisher) publish(ctx context.Context, channel, data string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.addr+"/v1/channels/"+channel+"/messages", bytes.NewReader([]byte(data)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%s: %s", answer.Status, body)
	}
	return err
}

// run publishes to a channel until done is closed, one message after the other. Those whose time
// has passed meanwhile are left out.
func (p *publisher) run(ctx context.Context, channel string, done <-chan struct{}) {
	tick := time.NewTicker(publishEvery)
	defer tick.Stop()
	for {
		start := time.Now()
		if err := p.publish(ctx, channel, fmt.Sprintf(`{"number":%d}`, p.published)); err == nil {
			p.published++
		} else if p.failed++; p.failure == nil {
			p.failure = err
		}
		p.slowest = max(p.slowest, time.Since(start))
		select {
		case <-tick.C:
		case <-done:
			return
		case <-ctx.Done():
			return
		}
	}
}
