package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

// A publisher posts one message after the other until the server is gone.
type publisher struct {
	acknowledged atomic.Int64 // offset of the newest message that was answered 201
	count        atomic.Int64
}

func (p *publisher) run(t *testing.T, url string) {
	web := &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	for n := 0; ; n++ {
		resp, err := web.Post(url+"/v1/channels/a/messages", "application/json", strings.NewReader(fmt.Sprint(n)))
		if err != nil {
			return // the listener is closed: nothing was acknowledged
		}
		var stored struct{ Pos string }
		err = json.NewDecoder(resp.Body).Decode(&stored)
		resp.Body.Close()
		if resp.StatusCode != http.StatusCreated || err != nil {
			t.Errorf("a publish during the drain: %s, %v", resp.Status, err)
			return
		}
		pos, err := pubsub.ParsePosition(stored.Pos)
		if err != nil {
			t.Error(err)
			return
		}
		p.count.Add(1)
		for old := p.acknowledged.Load(); uint64(old) < pos.Offset && !p.acknowledged.CompareAndSwap(old, int64(pos.Offset)); {
			old = p.acknowledged.Load()
		}
	}
}

// A reader is a line that is read to its end. The line itself is strict about holes and
// repeats.
type reader struct {
	line    *raw.Line
	offset  atomic.Uint64 // of the newest message
	retry   time.Duration // that the last answer of a poll asked for
	ending  error
	reading sync.WaitGroup
}

func (r *reader) run(ctx context.Context) {
	for {
		e, err := r.line.Next(ctx)
		if err != nil {
			r.ending = err
			return
		}
		if e.Message != nil {
			r.offset.Store(e.Message.Pos.Offset)
		}
		if e.Retry > 0 {
			r.retry = e.Retry
			return
		}
	}
}

func TestStopDuringTraffic(t *testing.T) {
	s := startServer(t, []string{"WSBRIDGE_DRAIN_DELAY=500ms", "WSBRIDGE_DRAIN=1s"}, "--dev")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()

	readers := make(map[string]*reader)
	for _, transport := range raw.Transports() {
		line, err := raw.Open(ctx, raw.Options{URL: s.url, Transport: transport, Channels: []pubsub.Channel{"a"}, Interval: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer line.CloseNow()
		// The welcome of each has to come before anything is published.
		for e := (raw.Event{}); len(line.Cursor()) == 0 || !line.Cursor()[0].Start.Resume; {
			if e, err = line.Next(ctx); err != nil {
				t.Fatal(err, e)
			}
		}
		readers[transport.String()] = &reader{line: line}
	}
	// Beside those with traffic, a poll that is held when the end comes.
	parked := make(chan string, 1)
	go func() {
		resp, err := http.Get(s.url + "/v1/poll?channels=quiet&wait=50")
		if err != nil {
			parked <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		parked <- fmt.Sprintf("%d close=%v %s", resp.StatusCode, resp.Close, body)
	}()

	var publishing sync.WaitGroup
	var p publisher
	for range 2 {
		publishing.Go(func() { p.run(t, s.url) })
	}
	for _, r := range readers {
		r.reading.Go(func() { r.run(ctx) })
	}
	eventually(t, "traffic on every line, and a poll that is held", func() bool {
		for _, r := range readers {
			if r.offset.Load() < 20 {
				return false
			}
		}
		_, text := get(t, s.admin+"/metrics")
		return strings.Contains(text, `wsbridge_connections{transport="long-poll"}`) && strings.Contains(text, "wsbridge_channels 2\n")
	})
	before := uint64(p.acknowledged.Load())
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.says(&s.err, "msg=stopping")
	if status, body := get(t, s.url+"/readyz"); status != 503 || !strings.Contains(body, "draining") {
		t.Errorf("/readyz while draining: %d %s", status, body)
	}
	if status, _ := get(t, s.url+"/healthz"); status != 200 {
		t.Errorf("/healthz while draining: %d", status)
	}
	during := p.count.Load()
	if status := s.status(); status != 0 {
		t.Errorf("the server ended with status %d\n%s", status, &s.err)
	}
	publishing.Wait()
	if p.count.Load() == during {
		t.Error("nothing was published during the delay, so the test shows nothing")
	}

	if got := <-parked; !strings.HasPrefix(got, "200 close=true {") || !strings.Contains(got, `"retry":`) || strings.Contains(got, `"retry":0}`) {
		t.Errorf("the poll that was held got %s", got)
	}
	for name, r := range readers {
		r.reading.Wait()
		if got := r.offset.Load(); got < before {
			t.Errorf("%s ended behind message %d, and %d was acknowledged before the signal", name, got, before)
		}
		var closed *raw.CloseError
		switch {
		case strings.HasSuffix(name, "poll"):
			if r.retry == 0 {
				t.Errorf("%s ended with %v and without a time to come back", name, r.ending)
			}
		case !errors.As(r.ending, &closed) || closed.Code != 1012 || closed.Retry == 0:
			t.Errorf("%s ended with %v", name, r.ending)
		}
	}
}
