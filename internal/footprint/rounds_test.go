package footprint

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A kind is a transport, as its client sees it.
type kind struct {
	name   string // as the server counts it
	target string // of the request, with channels to come
	header string
	// greeted is what tells, so many times, that the client is subscribed. A long poll hears
	// nothing until it is answered; it comes last, so that its wait outlasts the round.
	greeted string
	times   int
}

var kinds = []kind{
	{"websocket", "/v1/ws?", upgrade, `"subscribed"`, 2},
	{"sse", "/v1/sse?", "", "event: welcome", 1},
	{"http-stream", "/v1/http-stream?", "", `"welcome"`, 1},
	{"poll", "/v1/poll?wait=0&", "", `"retry":0}`, 1},
	{"long-poll", "/v1/poll?wait=55&", "", "", 0},
}

const (
	perKind  = 2000 // clients
	channels = 100  // over which clients are spread, beside the one that all are on
)

// TestTenThousandClients lets ten thousand clients come, hear something and leave, three
// times, and looks what stays behind.
func TestTenThousandClients(t *testing.T) {
	const (
		rounds  = 3
		maxHeap = 2 << 20 // more after the last round than after the one before
	)
	s := start(t)
	s.warmUp(t)
	before := s.report(askAfter)
	t.Logf("before: %s", before)

	var after [rounds]report
	for i := range rounds {
		began := time.Now()
		s.round(t, fmt.Sprintf("round-%d", i+1))
		// One that served the first requests may have had nothing to do since, and ended.
		s.until("no more goroutines and descriptors than before round one", func(r report) bool {
			return r.Goroutines <= before.Goroutines && r.Descriptors <= before.Descriptors
		})
		after[i] = s.report(askAfter)
		t.Logf("after round %d, of %v: %s", i+1, time.Since(began).Round(time.Millisecond), after[i])
	}
	if last := after[rounds-1].Heap; last > after[rounds-2].Heap+maxHeap {
		t.Errorf("the heap grew by %.2f MiB from round %d to round %d", mib(last-after[rounds-2].Heap), rounds-1, rounds)
	}
	for key, n := range after[rounds-1].Counts {
		if strings.HasPrefix(key, "open ") || strings.HasPrefix(key, "refused ") {
			t.Errorf("the server counts: %s, %d times", key, n)
		}
	}
}

func (r report) String() string {
	return fmt.Sprintf("heap %.2f MiB, stacks %.2f MiB, %d goroutines, %d descriptors",
		mib(r.Heap), mib(r.Stacks), r.Goroutines, r.Descriptors)
}

// warmUp lets one WebSocket come and leave: what it makes the server start is there to stay.
func (p *process) warmUp(t *testing.T) {
	t.Helper()
	c, err := kinds[0].come(p.addr, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.leave(0); err != nil {
		t.Fatal(err)
	}
	p.until("the first client has left", func(r report) bool { return r.Counts[open(kinds[0].name)] == 0 })
}

// round lets perKind clients of each kind come, all hear one message, and leave.
func (p *process) round(t *testing.T, event string) {
	t.Helper()
	const n = perKind
	var all []*client
	defer func() {
		for _, c := range all {
			c.line.conn.Close()
		}
	}()
	before := p.report(askAfter)
	for i := range kinds {
		k := &kinds[i]
		clients := make([]*client, n)
		err := parallel(n, func(i int) (err error) {
			clients[i], err = k.come(p.addr, i)
			return err
		})
		for _, c := range clients {
			if c != nil {
				all = append(all, c)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		if k.name != "poll" {
			p.until("all clients of "+k.name+" are in", func(r report) bool { return r.Counts[open(k.name)] == n })
		}
		now := p.report(askAfter)
		t.Logf("%s: a connection of %s takes %.1f KiB of heap, %.1f KiB of stacks, %d goroutines", event, k.name,
			kib(now.Heap, before.Heap, n), kib(now.Stacks, before.Stacks, n), (now.Goroutines-before.Goroutines)/n)
		before = now
	}
	if before.Descriptors < len(all) {
		t.Fatalf("%d clients have %d descriptors", len(all), before.Descriptors)
	}
	p.publish("all", event, nil)
	p.web.CloseIdleConnections()
	if err := parallel(len(all), func(i int) error { return all[i].hear(event) }); err != nil {
		t.Fatal(err)
	}
	if err := parallel(len(all), func(i int) error { return all[i].leave(i) }); err != nil {
		t.Fatal(err)
	}
}

// kib is the share of one in n of what was added.
func kib(now, before uint64, n int) float64 {
	return (float64(now) - float64(before)) / 1024 / float64(n)
}

// A client is one of ten thousand.
type client struct {
	kind   *kind
	line   *line
	cursor string // of a plain poll
}

// come connects client number i and has it subscribed, or about to be.
func (k *kind) come(addr string, i int) (*client, error) {
	const buffer = 512
	l, err := dial(addr, fmt.Sprintf("%schannels=all,part-%d", k.target, i%channels), k.header, buffer)
	if err != nil {
		return nil, err
	}
	c := &client{kind: k, line: l}
	for range k.times {
		text, err := l.await(k.greeted)
		if err != nil {
			return c, fmt.Errorf("%s: %w", k.name, err)
		}
		_, text, _ = strings.Cut(text, `"cursor":"`)
		c.cursor, _, _ = strings.Cut(text, `"`)
	}
	return c, nil
}

// hear waits for the message of that event. A plain poll asks once more, on its connection.
func (c *client) hear(event string) error {
	if c.kind.name == "poll" {
		if err := c.line.request(c.kind.target+"cursor="+url.QueryEscape(c.cursor), ""); err != nil {
			return err
		}
	}
	if _, err := c.line.await(`"event":"` + event + `"`); err != nil {
		return fmt.Errorf("%s: %w", c.kind.name, err)
	}
	return nil
}

// leave ends the connection. Every other client does it properly: WebSockets say so and
// wait for the answer. The others are cut off, which leaves no port behind that waits.
func (c *client) leave(i int) error {
	if i%2 == 1 {
		if err := c.line.conn.(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
	} else if c.kind.name == "websocket" {
		if err := c.line.send(closeFrame); err != nil {
			return err
		}
		if _, err := c.line.await("\x88\x02\x03\xe8"); err != nil {
			return fmt.Errorf("%s: %w", c.kind.name, err)
		}
	}
	return c.line.conn.Close()
}

// parallel calls f for each of n, several at once, and returns one of the errors. After an
// error no more are called.
func parallel(n int, f func(int) error) error {
	const atOnce = 32
	var wg sync.WaitGroup
	var next atomic.Int64
	var failed atomic.Pointer[error]
	for range atOnce {
		wg.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := f(i); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
