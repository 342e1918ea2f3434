package transport

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// An answerConn is the answer to a request as a connection, where there is none that could be
// taken away from net/http: over HTTP/2. Its handler waits until it is closed.
type answerConn struct {
	w       http.ResponseWriter
	control *http.ResponseController
	left    context.Context // ends when the client has left
	remote  string

	once sync.Once
	done chan struct{} // closed by Close

	writing sync.Mutex // held while w is used
	mu      sync.Mutex // guards over
	over    bool       // the handler is about to return
}

func newAnswerConn(w http.ResponseWriter, r *http.Request) *answerConn {
	return &answerConn{w: w, control: http.NewResponseController(w), left: r.Context(), remote: r.RemoteAddr, done: make(chan struct{})}
}

// await returns when the connection was closed and nobody uses the answer any more.
func (c *answerConn) await() {
	<-c.done
	c.writing.Lock()
	defer c.writing.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// Read waits until the client has left.
func (c *answerConn) Read([]byte) (int, error) {
	select {
	case <-c.left.Done():
	case <-c.done:
	}
	return 0, io.EOF
}

// Write writes and flushes.
func (c *answerConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	select {
	case <-c.done:
		return 0, net.ErrClosed
	default:
	}
	_ = c.control.SetWriteDeadline(time.Time{}) // who waits for the client has a limit of its own
	n, err := c.w.Write(p)
	if err == nil {
		err = c.control.Flush()
	}
	return n, err
}

// CloseWrite ends the answer, since the handler returns.
func (c *answerConn) CloseWrite() error {
	c.once.Do(func() { close(c.done) })
	return nil
}

// Close frees a write that blocks.
func (c *answerConn) Close() error {
	c.CloseWrite()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return nil
	}
	return c.control.SetWriteDeadline(time.Now())
}

func (c *answerConn) LocalAddr() net.Addr  { return answerAddr("") }
func (c *answerConn) RemoteAddr() net.Addr { return answerAddr(c.remote) }

// Deadlines are not asked for: who writes does not wait, see package netpoll.
func (c *answerConn) SetDeadline(time.Time) error      { return nil }
func (c *answerConn) SetReadDeadline(time.Time) error  { return nil }
func (c *answerConn) SetWriteDeadline(time.Time) error { return nil }

type answerAddr string

func (answerAddr) Network() string  { return "tcp" }
func (a answerAddr) String() string { return string(a) }
