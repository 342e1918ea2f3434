package behaviour

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wsbridge/wsbridge/transport/websocket"
)

// A reader takes what a WebSocket brings, counts it, and looks for the last message.
type reader struct {
	bytes atomic.Int64
	last  atomic.Bool
}

const lastMessage = `"this is the last message"`

// read returns when the connection is over.
func (r *reader) read(conn net.Conn) {
	buf := make([]byte, 256<<10)
	held := 0 // bytes of the read before, in which the last message may begin
	for {
		n, err := conn.Read(buf[held:])
		if err != nil {
			return
		}
		r.bytes.Add(int64(n))
		got := buf[:held+n]
		if bytes.Contains(got, []byte(lastMessage)) {
			r.last.Store(true)
		}
		held = copy(buf, got[max(0, len(got)-len(lastMessage)):])
	}
}

// One of a hundred and one WebSockets stops reading while 64 MiB go through: it alone is
// closed, and costs next to nothing until then.
func TestAStalledWebSocket(t *testing.T) {
	t.Parallel()
	const (
		others  = 100
		size    = 64 << 10
		volume  = 64 << 20
		allowed = 16 << 20
	)
	p := run(t)
	query := "channels=orders:1&token=" + p.token()
	stalled := p.dial(t, query)
	stalled.subscribed()
	if err := stalled.NetConn().(*net.TCPConn).SetReadBuffer(slowLineHolds); err != nil {
		t.Fatal(err)
	}
	var readers [others]reader
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range readers {
		conn := p.dial(t, query)
		conn.subscribed()
		wg.Go(func() { readers[i].read(conn.NetConn()) })
		defer conn.CloseNow()
	}
	everyone := func(ok func(*reader) bool) func() bool {
		return func() bool {
			for i := range readers {
				if !ok(&readers[i]) {
					return false
				}
			}
			return true
		}
	}

	begin := p.usage(t)
	most := begin.heap
	data := `"` + strings.Repeat("x", size-2) + `"`
	for sent := 0; sent < volume; sent += size {
		p.publish(t, "orders:1", data)
		if sent%(1<<20) == 0 {
			// The others keep up, as clients do that read.
			until(t, "the others have it", everyone(func(r *reader) bool { return r.bytes.Load() > int64(sent) }))
		}
		if sent%(4<<20) == 0 {
			most = max(most, p.usage(t).heap)
		}
	}
	until(t, "the stalled one is closed with 4208", func() bool {
		most = max(most, p.usage(t).heap)
		return p.metrics(t)[`wsbridge_connections_closed_total{code="4208",transport="websocket"}`] == 1
	})
	p.publish(t, "orders:1", lastMessage)
	until(t, "all others hold the last message", everyone(func(r *reader) bool { return r.last.Load() }))
	if grown := most - begin.heap; grown > allowed {
		t.Errorf("the heap grew by %d KiB, at most %d are allowed", grown>>10, allowed>>10)
	}
	m := p.metrics(t)
	if n := m[`wsbridge_connections{transport="websocket"}`]; n != others {
		t.Errorf("%v WebSockets are connected, want %d", n, others)
	}

	// Only now the stalled one reads on. What it has not taken of the kernel is still there.
	for {
		_, err := stalled.hear()
		if err == nil {
			continue
		}
		if code := websocket.CloseStatus(err); code != 4208 && code != websocket.StatusAbnormalClosure {
			t.Errorf("it was closed with %d (%v)", code, err)
		}
		break
	}
	t.Logf("the heap was at most %d KiB above the start", (most-begin.heap)>>10)
}

// subscribed waits until the WebSocket is subscribed to one channel. It waits without a
// context, which might still set a deadline when others read from the connection.
func (c *rawSocket) subscribed() {
	c.t.Helper()
	for {
		_, frame, err := c.ReadMessage(context.Background(), nil)
		if err != nil {
			c.t.Fatal(err)
		}
		if bytes.HasPrefix(frame, []byte(`{"type":"subscribed"`)) {
			return
		}
	}
}
