package footprint

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/api"
	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/transport"
)

// What the server is asked, a line each. It answers with a line of JSON, a report.
const (
	askNow   = "now"
	askAfter = "after garbage collection"
)

// A report is what the server says of itself.
type report struct {
	Heap, Stacks uint64 // bytes in use
	Goroutines   int
	Descriptors  int
	LongestQueue int // bytes
	Counts       map[string]int
}

// serve is the server's process: everything behind one address, with default options and
// open to everyone. It writes the address and then its reports, until in ends.
func serve(in io.Reader, out io.Writer) error {
	counted := &counts{n: make(map[string]int)}
	b := bridge.New(membroker.New(membroker.Options{}), bridge.Options{})
	if err := b.Start(context.Background()); err != nil {
		return err
	}
	streams := relay.New(relay.Options{})
	clients := transport.New(b, transport.Options{
		Relay: streams,
		Authenticate: func(string) (transport.Identity, error) {
			return transport.Identity{May: func(transport.Operation, pubsub.Channel) bool { return true }}, nil
		},
		Observer: counted,
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	handler := api.New(api.Options{Bridge: b, Transport: clients, Anyone: true})
	hs := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: patience,
		IdleTimeout:       2 * time.Minute,
	}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(clients.Front(l, handler, api.Short)) }()

	fmt.Fprintln(out, l.Addr())
	answers := json.NewEncoder(out)
	for questions := bufio.NewScanner(in); err == nil && questions.Scan(); {
		if questions.Text() == askAfter {
			runtime.GC()
			runtime.GC() // what pools held on to goes with the second
		}
		err = answers.Encode(look(b, counted))
	}

	streams.Close()
	err = errors.Join(err, hs.Close(), clients.Close())
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return errors.Join(err, b.Close())
}

func look(b *bridge.Bridge, c *counts) report {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	open, _ := os.ReadDir("/dev/fd") // the one that reads it included, each time
	return report{m.HeapAlloc, m.StackInuse, runtime.NumGoroutine(), len(open), b.LongestQueue(), c.copy()}
}

// counts are what the server's observer was told.
type counts struct {
	mu sync.Mutex // guards n
	n  map[string]int
}

func open(transport string) string                 { return "open " + transport }
func closed(transport string, code int) string     { return fmt.Sprintf("closed %s %d", transport, code) }
func (c *counts) Opened(transport string)          { c.add(open(transport), 1) }
func (c *counts) Refused(transport, code string)   { c.add("refused "+transport+" "+code, 1) }
func (c *counts) Limited(limit string)             { c.add("limited "+limit, 1) }
func (c *counts) Delivered(string, int, time.Time) {}
func (c *counts) Repeated(string)                  {}
func (c *counts) Closed(transport string, code int) {
	c.add(open(transport), -1)
	c.add(closed(transport, code), 1)
}

func (c *counts) add(key string, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[key] += by; c.n[key] == 0 {
		delete(c.n, key)
	}
}

func (c *counts) copy() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]int, len(c.n))
	for key, n := range c.n {
		all[key] = n
	}
	return all
}
