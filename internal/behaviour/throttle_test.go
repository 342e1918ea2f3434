package behaviour

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// A slowLine carries TCP connections to a server: what the server sends passes at a rate,
// in bytes a second, and hardly anything is held in between.
type slowLine struct {
	listener net.Listener
	to       string
	rate     int

	wg    sync.WaitGroup
	mu    sync.Mutex // guards conns
	conns []net.Conn
}

const slowLineHolds = 64 << 10 // bytes, about

// throttle lays a slow line to s.
func throttle(t *testing.T, s *server, rate int) *slowLine {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &slowLine{listener: listener, to: strings.TrimPrefix(s.url, "http://"), rate: rate}
	l.wg.Go(l.accept)
	t.Cleanup(l.close)
	return l
}

// through returns the server as it is seen over a line.
func (s *server) through(t *testing.T, l *slowLine) *server {
	seen := *s
	seen.t, seen.url = t, "http://"+l.listener.Addr().String()
	return &seen
}

func (l *slowLine) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", l.to)
		if err != nil {
			client.Close()
			continue
		}
		// Small buffers, so that the server feels how slow the client is.
		_ = server.(*net.TCPConn).SetReadBuffer(slowLineHolds)
		_ = client.(*net.TCPConn).SetWriteBuffer(slowLineHolds)
		l.mu.Lock()
		l.conns = append(l.conns, client, server)
		l.mu.Unlock()
		l.wg.Go(func() { forward(server, client, io.Copy) })
		l.wg.Go(func() { forward(client, server, l.copy) })
	}
}

// forward carries one direction until either end is closed, and then closes both.
func forward(to, from net.Conn, carry func(io.Writer, io.Reader) (int64, error)) {
	_, _ = carry(to, from) // how it ended is seen at the ends
	to.Close()
	from.Close()
}

// copy is io.Copy at the line's rate.
func (l *slowLine) copy(to io.Writer, from io.Reader) (n int64, err error) {
	const piece = 16 << 10
	buf := make([]byte, piece)
	start := time.Now()
	for {
		n, err := from.Read(buf)
		if err != nil {
			return 0, err
		}
		if _, err = to.Write(buf[:n]); err != nil {
			return 0, err
		}
		start = start.Add(time.Duration(n) * time.Second / time.Duration(l.rate))
		if early := time.Until(start); early > 0 {
			time.Sleep(early)
		} else if early < -time.Second {
			start = time.Now() // it was idle, which saves nothing up
		}
	}
}

func (l *slowLine) close() {
	l.listener.Close()
	l.mu.Lock()
	for _, c := range l.conns {
		c.Close()
	}
	l.mu.Unlock()
	l.wg.Wait()
}
