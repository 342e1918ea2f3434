package netpoll

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// A portable connection is any net.Conn. A goroutine reads from it as long as it lives, and
// another writes while there is something to write.
type portable struct {
	poller  *Poller
	nc      net.Conn
	handler Handler
	resume  chan struct{} // holds one: input may not be held back any more
	over    chan struct{} // closed by Close
	quit    chan struct{} // closed by Release
	read    chan struct{} // closed when nothing is read any more
	rest    []byte        // was read and not given to the handler; owned by receive until read is closed

	giving sync.Mutex // held while Input is called; guards held. It is locked in front of mu.
	held   bool       // input is held back

	mu      sync.Mutex // guards what follows
	pending []byte     // what Write took and nobody writes yet
	writing bool       // a goroutine writes
	written *sync.Cond // writing has ended
	blocked bool       // Write took too little
	shut    bool       // Shutdown was called
	handed  bool       // Start is to go on with input
	closed  bool
	err     error // of writing
}

// room is how much Write takes before it was written, as a socket's buffer does.
const room = 64 << 10

// inputSize is how much is read from a portable connection at once, which holds it for good.
const inputSize = 4 << 10

func (p *Poller) portable(nc net.Conn, h Handler) *portable {
	c := &portable{poller: p, nc: nc, handler: h, resume: make(chan struct{}, 1), over: make(chan struct{}),
		quit: make(chan struct{}), read: make(chan struct{})}
	c.written = sync.NewCond(&c.mu)
	return c
}

// Start implements [Conn].
func (c *portable) Start() error {
	c.mu.Lock()
	handed := c.handed
	c.handed = false
	closed := c.closed
	if !handed && !closed {
		c.poller.goroutines.Go(c.receive)
	}
	c.mu.Unlock()
	switch {
	case closed:
		return ErrClosed
	case handed:
		c.Resume()
	}
	return nil
}

// Hand implements [Conn].
func (c *portable) Hand(h Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handler, c.handed = h, true
}

func (c *portable) receive() {
	defer close(c.read)
	buffer := make([]byte, inputSize)
	for c.await() {
		n, err := c.nc.Read(buffer)
		c.rest = buffer[:n]
		for !c.give() {
			if !c.await() {
				return
			}
		}
		if err != nil {
			select {
			case <-c.over:
			case <-c.quit:
			default:
				c.handler.Gone(err)
			}
			return
		}
	}
}

// give gives what was read to the handler. It reports false when input is held back.
func (c *portable) give() bool {
	c.giving.Lock()
	defer c.giving.Unlock()
	if c.held {
		return false
	}
	p := c.rest
	c.rest = nil
	c.held = len(p) > 0 && !c.handler.Input(p)
	return true
}

// await waits until input is not held back. It reports false when that is never.
func (c *portable) await() bool {
	for c.isHeld() {
		select {
		case <-c.resume:
		case <-c.over:
			return false
		case <-c.quit:
			return false
		}
	}
	return true
}

func (c *portable) isHeld() bool {
	c.giving.Lock()
	defer c.giving.Unlock()
	return c.held
}

// Hold implements [Conn].
func (c *portable) Hold(func() bool) error {
	c.giving.Lock()
	defer c.giving.Unlock()
	c.held = true
	return nil
}

// Resume implements [Conn].
func (c *portable) Resume() {
	c.giving.Lock()
	c.held = false
	c.giving.Unlock()
	select {
	case c.resume <- struct{}{}:
	default:
	}
}

// Release implements [Conn].
func (c *portable) Release() (net.Conn, []byte, error) {
	close(c.quit)
	if err := c.nc.SetReadDeadline(time.Now()); err != nil {
		c.Close()
		return nil, nil, err
	}
	<-c.read
	c.nc.SetReadDeadline(time.Time{})
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.writing && !c.closed {
		c.written.Wait()
	}
	if c.closed {
		return nil, nil, ErrClosed
	}
	c.closed = true
	return c.nc, c.rest, nil
}

// Write implements [Conn].
func (c *portable) Write(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed, c.shut:
		return 0, ErrClosed
	case c.err != nil:
		return 0, c.err
	}
	n = min(len(p), room-len(c.pending))
	c.blocked = n < len(p)
	c.pending = append(c.pending, p[:n]...)
	c.flush()
	return n, nil
}

// flush starts the writing goroutine when there is something for it. The mutex is held.
func (c *portable) flush() {
	if !c.writing && (len(c.pending) > 0 || c.shut) {
		c.writing = true
		c.poller.goroutines.Go(c.write)
	}
}

// write writes what Write took until nothing is left.
func (c *portable) write() {
	var p []byte
	for {
		c.mu.Lock()
		p, c.pending = c.pending, p[:0]
		wake := c.blocked
		c.blocked = false
		if len(p) == 0 || c.closed {
			c.writing, c.pending = false, nil
			c.written.Broadcast()
			shut := c.shut && !c.closed
			c.mu.Unlock()
			if shut {
				c.closeWrite()
			}
			return
		}
		c.mu.Unlock()
		if wake {
			c.handler.Writable()
		}
		if _, err := c.nc.Write(p); err != nil {
			c.mu.Lock()
			c.err, c.writing, c.pending = err, false, nil
			c.written.Broadcast()
			wake := c.blocked
			c.blocked = false
			c.mu.Unlock()
			if wake {
				c.handler.Writable()
			}
			return
		}
	}
}

// Shutdown implements [Conn].
func (c *portable) Shutdown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.shut && !c.closed {
		c.shut = true
		c.flush()
	}
}

func (c *portable) closeWrite() {
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// Close implements [Conn].
func (c *portable) Close() {
	c.mu.Lock()
	was := c.closed
	c.closed = true
	c.written.Broadcast()
	c.mu.Unlock()
	if was {
		return
	}
	close(c.over)
	if t, ok := c.nc.(*tls.Conn); ok {
		t.NetConn().Close() // tls.Conn.Close would wait up to 5 s to say goodbye
		return
	}
	c.nc.Close()
}

// RemoteAddr implements [Conn].
func (c *portable) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }
