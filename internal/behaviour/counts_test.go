package behaviour

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// counts are what the server's observers were told.
type counts struct {
	mu sync.Mutex // guards n
	n  map[string]int
}

func newCounts() *counts { return &counts{n: make(map[string]int)} }

func (c *counts) add(key string, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[key] += by
}

func (c *counts) of(key string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[key]
}

func (c *counts) Opened(transport string) {
	measured.Opened(transport)
	c.add("open "+transport, 1)
	c.add("opened "+transport, 1)
}

func (c *counts) Closed(transport string, code int) {
	measured.Closed(transport, code)
	c.add("open "+transport, -1)
	c.add(closedWith(transport, code), 1)
}

func (c *counts) Refused(transport, code string) {
	measured.Refused(transport, code)
	c.add("refused "+transport+" "+code, 1)
}

func (c *counts) Limited(limit string) {
	measured.Limited(limit)
	c.add("limited "+limit, 1)
}

func (c *counts) Delivered(transport string, messages int, oldest time.Time) {
	measured.Delivered(transport, messages, oldest)
	c.add("delivered "+transport, messages)
}

func (c *counts) Repeated(method string) {
	measured.Repeated(method)
	c.add("repeated "+method, 1)
}

func (c *counts) gap(r pubsub.Reason) {
	measured.Gap(r)
	c.add("gap "+string(r), 1)
}

func closedWith(transport string, code int) string {
	return fmt.Sprintf("closed %s %d", transport, code)
}

// until waits for a condition.
func until(t testing.TB, what string, reached func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !reached(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not: %s", patience, what)
		}
	}
}
