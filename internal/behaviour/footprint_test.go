package behaviour

import (
	"bytes"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client"
)

const (
	crowdEach     = 2000 // clients a transport
	crowdChannels = 100
	crowdWorkers  = 32
)

// Rounds of ten thousand clients leave nothing behind: neither goroutines nor descriptors
// nor, from the second on, memory.
func TestRoundsOfTenThousandClients(t *testing.T) {
	t.Parallel()
	p := run(t)
	token := p.token()
	for _, transport := range client.Transports() { // what is made once is made before
		c := &crowdClient{process: p, transport: transport, channel: "orders:0", token: token}
		for _, step := range c.life(t, func() { p.publish(t, "orders:0", lastMessage) }) {
			step()
		}
	}
	p.empties(t)
	before := p.usage(t)
	var heaps []int64
	for round := range 3 {
		p.round(t, token)
		p.empties(t)
		now := p.usage(t)
		until(t, "goroutines and descriptors are as before", func() bool {
			now = p.usage(t)
			return now.goroutines <= before.goroutines && now.descriptors <= before.descriptors
		})
		heaps = append(heaps, now.heap)
		t.Logf("round %d: %d goroutines, %d descriptors, heap %d KiB; before the first %d, %d, %d KiB",
			round+1, now.goroutines, now.descriptors, now.heap>>10, before.goroutines, before.descriptors, before.heap>>10)
	}
	if grown := heaps[2] - heaps[1]; grown > 2<<20 {
		t.Errorf("the heap grew by %d KiB from round two to round three, at most 2048 are allowed", grown>>10)
	}
}

// empties waits until nobody is connected.
func (p *process) empties(t *testing.T) {
	t.Helper()
	until(t, "everyone has left", func() bool {
		connected := 0.0
		for name, n := range p.metrics(t) {
			if strings.HasPrefix(name, "wsbridge_connections{") {
				connected += n
			}
		}
		return connected == 0
	})
}

// round connects everyone, gives each a message, and lets all go.
func (p *process) round(t *testing.T, token string) {
	t.Helper()
	var crowd []*crowdClient
	for i := range crowdEach {
		for _, transport := range client.Transports() {
			crowd = append(crowd, &crowdClient{
				process: p, transport: transport, token: token, number: i,
				channel: fmt.Sprintf("orders:%d", i%crowdChannels),
			})
		}
	}
	for _, step := range []func(*crowdClient) error{
		(*crowdClient).connect,
		nil, // all are there: publish
		(*crowdClient).receive,
		(*crowdClient).leave,
	} {
		if step == nil {
			p.held(t, crowdEach)
			for i := range crowdChannels {
				p.backend(t, request{path: fmt.Sprintf("/v1/channels/orders:%d/messages", i), body: lastMessage})
			}
			continue
		}
		var wg sync.WaitGroup
		for w := range crowdWorkers {
			wg.Go(func() {
				for i := w; i < len(crowd); i += crowdWorkers {
					if err := step(crowd[i]); err != nil {
						t.Errorf("client %d, %v: %v", crowd[i].number, crowd[i].transport, err)
					}
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			t.FailNow()
		}
	}
}

// held waits until that many long polls are held, which say nothing of it.
func (p *process) held(t *testing.T, n int) {
	t.Helper()
	until(t, "the long polls are held", func() bool {
		return p.metrics(t)[`wsbridge_connections{transport="long-poll"}`] == float64(n)
	})
}

// A crowdClient is no more than a connection.
type crowdClient struct {
	*process
	transport client.Transport
	channel   string
	token     string
	number    int

	conn   net.Conn
	cursor string // of a plain poll
}

// life is what one client does when it is alone.
func (c *crowdClient) life(t *testing.T, publish func()) []func() {
	must := func(step func() error) func() {
		return func() {
			if err := step(); err != nil {
				t.Fatalf("%v: %v", c.transport, err)
			}
		}
	}
	return []func(){must(c.connect), func() {
		if c.transport == client.LongPoll {
			c.held(t, 1)
		}
		publish()
	}, must(c.receive), must(c.leave)}
}

// welcomes are what a client waits for when it connects.
var welcomes = map[client.Transport]string{
	client.WebSocket:  `"type":"subscribed"`,
	client.SSE:        "event: welcome",
	client.HTTPStream: `"type":"welcome"`,
	client.Poll:       `"retry":`,
}

var cursorOf = regexp.MustCompile(`"cursor":"([^"]*)"`)

func (c *crowdClient) connect() (err error) {
	if c.conn, err = net.Dial("tcp", strings.TrimPrefix(c.url, "http://")); err != nil {
		return err
	}
	switch c.transport {
	case client.WebSocket:
		err = c.get("/v1/ws?", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")
	case client.SSE:
		err = c.get("/v1/sse?", "")
	case client.HTTPStream:
		err = c.get("/v1/http-stream?", "")
	case client.LongPoll:
		return c.get("/v1/poll?wait=55&", "")
	case client.Poll:
		err = c.get("/v1/poll?wait=0&", "")
	}
	if err != nil {
		return err
	}
	answer, err := c.await(welcomes[c.transport])
	if m := cursorOf.FindSubmatch(answer); m != nil {
		c.cursor = string(m[1])
	}
	return err
}

func (c *crowdClient) get(path, header string) error {
	_, err := fmt.Fprintf(c.conn, "GET %schannels=%s&cursor=%s&token=%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
		path, c.channel, c.cursor, c.token, header)
	return err
}

// await reads until a text has come, and what came with it.
func (c *crowdClient) await(text string) ([]byte, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	var got []byte
	buf := make([]byte, 4<<10)
	for !bytes.Contains(got, []byte(text)) {
		n, err := c.conn.Read(buf)
		if err != nil {
			return nil, fmt.Errorf("%w behind %q", err, got)
		}
		got = append(got, buf[:n]...)
	}
	return got, nil
}

func (c *crowdClient) receive() error {
	if c.transport == client.Poll {
		if err := c.get("/v1/poll?wait=0&", ""); err != nil {
			return err
		}
	}
	_, err := c.await(lastMessage)
	return err
}

// leave hangs up: one half of all as one does, the other as if the network had failed.
func (c *crowdClient) leave() error {
	if c.number%2 == 0 {
		if err := c.conn.(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
	}
	return c.conn.Close()
}
