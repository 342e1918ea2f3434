package netpoll

import (
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

// A polled connection is a socket that a loop watches.
type polled struct {
	handler Handler
	loop    *loop
	fd      int32

	slot, generation uint32 // the loop's; set by Start

	uses    atomic.Int32 // system calls under way; negative from Close on
	reading atomic.Int32 // idle, busy or again
	blocked atomic.Bool  // Write took too little, and nobody was told yet that there is room
	waits   atomic.Bool  // the loop watches for room, or will from Start on
	added   atomic.Bool  // the loop watches the connection
	handed  bool         // Start is to go on with input; owned by who calls Hand and Start
}

// Whoever reads from a connection, or holds its input back, has it to itself: an event that
// comes meanwhile makes them look again.
const (
	idle int32 = iota
	busy
	again
	ended // the handler was told that the peer has gone
)

const closed = -1 << 30 // added to uses

// begin takes the right to use the descriptor for a moment, unless it was closed.
func (c *polled) begin() bool {
	for {
		n := c.uses.Load()
		if n < 0 {
			return false
		}
		if c.uses.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (c *polled) done() {
	if c.uses.Add(-1) == closed {
		c.free()
	}
}

func (c *polled) free() { syscall.Close(int(c.fd)) }

// Close implements [Conn].
func (c *polled) Close() {
	for {
		n := c.uses.Load()
		if n < 0 {
			return
		}
		if c.uses.CompareAndSwap(n, n+closed) {
			c.loop.remove(c)
			if n == 0 {
				c.free()
			}
			return
		}
	}
}

// Hold implements [Conn].
func (c *polled) Hold(held func() bool) error {
	for !c.reading.CompareAndSwap(idle, busy) {
		switch {
		case c.uses.Load() < 0:
			return ErrClosed
		case c.reading.Load() == ended, held():
			return nil
		}
		runtime.Gosched() // the loop is about to end its turn
	}
	return nil
}

// Release implements [Conn].
func (c *polled) Release() (net.Conn, []byte, error) {
	if !c.begin() {
		return nil, nil, ErrClosed
	}
	fd, err := duplicate(uintptr(c.fd))
	// Closing one of two descriptors of a socket does not end its being watched (epoll(7)).
	c.loop.watch(c, syscall.EPOLL_CTL_DEL, 0)
	c.done()
	c.Close()
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(uintptr(fd), "")
	defer f.Close()
	nc, err := net.FileConn(f)
	return nc, nil, err
}

// Start implements [Conn].
func (c *polled) Start() error {
	if !c.begin() {
		return ErrClosed
	}
	defer c.done()
	if c.handed {
		c.handed = false
		c.Resume()
		return nil
	}
	err := c.loop.add(c)
	if c.uses.Load() < 0 {
		c.loop.remove(c) // Close came before it was there
	}
	if c.added.Store(true); err == nil && c.waits.Load() {
		err = c.watchForRoom() // Write came before it was there
	}
	return err
}

// Hand implements [Conn]. Nobody looks at the handler while its input is held back and there was
// room for all that it wrote.
func (c *polled) Hand(h Handler) { c.handler, c.handed = h, true }

// Shutdown implements [Conn].
func (c *polled) Shutdown() {
	if c.begin() {
		syscall.Shutdown(int(c.fd), syscall.SHUT_WR)
		c.done()
	}
}

// RemoteAddr implements [Conn]. It asks the system, since hardly anybody wants to know.
func (c *polled) RemoteAddr() net.Addr {
	if !c.begin() {
		return nil
	}
	defer c.done()
	switch a, _ := syscall.Getpeername(int(c.fd)); a := a.(type) {
	case *syscall.SockaddrInet4:
		return &net.TCPAddr{IP: a.Addr[:], Port: a.Port}
	case *syscall.SockaddrInet6:
		return &net.TCPAddr{IP: a.Addr[:], Port: a.Port}
	}
	return nil
}

// Write implements [Conn].
func (c *polled) Write(p []byte) (n int, err error) {
	if !c.begin() {
		return 0, ErrClosed
	}
	defer c.done()
	for n < len(p) {
		m, errno := send(int(c.fd), p[n:])
		switch errno {
		case 0:
			n += m
		case syscall.EINTR:
		case syscall.EAGAIN:
			if c.blocked.Swap(true) {
				return n, c.wait()
			}
			// Once more: there may have been room again before blocked was set, and nobody
			// would have been told.
		default:
			return n, os.NewSyscallError("send", errno)
		}
	}
	c.blocked.Store(false)
	return n, nil
}

// wait lets the loop watch for room, from the first time on that there is none: most
// connections never get there, and would wake the loop with it when they come.
func (c *polled) wait() error {
	if c.waits.Swap(true) || !c.added.Load() {
		return nil
	}
	return c.watchForRoom()
}

func (c *polled) watchForRoom() error {
	return c.loop.watch(c, syscall.EPOLL_CTL_MOD, edges|syscall.EPOLLOUT)
}

// ready takes what the system has seen.
func (c *polled) ready(what uint32) {
	if what&(syscall.EPOLLOUT|syscall.EPOLLERR|syscall.EPOLLHUP) != 0 && c.blocked.Swap(false) {
		c.handler.Writable()
	}
	if what&^syscall.EPOLLOUT == 0 {
		return
	}
	for {
		switch {
		case c.reading.CompareAndSwap(idle, busy):
			c.input(c.loop.buffer, what&^(syscall.EPOLLIN|syscall.EPOLLOUT) != 0)
			return
		case c.reading.CompareAndSwap(busy, again), c.reading.Load() >= again:
			return
		}
	}
}

// rest ends reading, unless something came meanwhile.
func (c *polled) rest() bool {
	if c.reading.CompareAndSwap(busy, idle) {
		return true
	}
	c.reading.Store(busy)
	return false
}

// input reads once, on the loop's goroutine. What may be left is read in the next turn: a
// buffer that was not filled has emptied the socket, unless its end was seen as well.
func (c *polled) input(buffer []byte, end bool) {
	n, ok := c.receive(buffer)
	switch {
	case !ok, n < 0 && c.rest():
	case n > 0 && n < len(buffer) && !end && c.rest():
	default:
		c.loop.more = append(c.loop.more, c)
	}
}

// receive reads once and hands on what came. It reports false when nothing more is to be read
// now; n is negative when there was nothing.
func (c *polled) receive(buffer []byte) (n int, ok bool) {
	if !c.begin() {
		return 0, false
	}
	var errno syscall.Errno
	for {
		if n, errno = recv(int(c.fd), buffer); errno != syscall.EINTR {
			break
		}
	}
	c.done()
	switch {
	case errno == syscall.EAGAIN:
		return -1, true
	case errno != 0:
		return 0, c.gone(os.NewSyscallError("recv", errno))
	case n == 0:
		return 0, c.gone(io.EOF)
	}
	return n, c.handler.Input(buffer[:n])
}

// gone tells the handler, and a later one again when it starts.
func (c *polled) gone(err error) (more bool) {
	c.handler.Gone(err)
	c.reading.Store(ended)
	return false
}

// Resume implements [Conn].
func (c *polled) Resume() {
	b := buffers.Get().(*[readSize / 4]byte)
	defer buffers.Put(b)
	for {
		n, ok := c.receive(b[:])
		if !ok || n < 0 && c.rest() {
			return
		}
	}
}

// buffers are borrowed while input goes on outside the loop.
var buffers = sync.Pool{New: func() any { return new([readSize / 4]byte) }}
