package netpoll

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
)

// A Poller watches connections.
type Poller struct {
	options    Options
	start      sync.Once
	loops      []*loop       // none: all connections are portable
	next       atomic.Uint32 // deals the loops out
	goroutines sync.WaitGroup
}

// New returns a poller. Its loops start with the first connection that they can watch.
func New(o Options) *Poller { return &Poller{options: o} }

// open starts the loops. Without descriptors for all of them, there are fewer, or none.
func (p *Poller) open() {
	if p.options.Portable {
		return
	}
	n := p.options.Loops
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	for range n {
		l, err := newLoop()
		if err != nil {
			return
		}
		p.loops = append(p.loops, l)
		p.goroutines.Go(l.run)
	}
}

// Close ends the loops and waits for them, and for the goroutines of portable connections,
// all of which have to be closed before. Nothing is taken any more.
func (p *Poller) Close() {
	p.start.Do(func() {})
	for _, l := range p.loops {
		l.file.Close()
	}
	p.goroutines.Wait()
}

// Take makes a Conn of nc, which must not be used any more, also if that fails.
func (p *Poller) Take(nc net.Conn, h Handler) (Conn, error) {
	tcp, ok := nc.(*net.TCPConn)
	if !ok {
		return p.portable(nc, h), nil
	}
	if p.start.Do(p.open); len(p.loops) == 0 {
		return p.portable(nc, h), nil
	}
	defer tcp.Close()
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	// A descriptor of its own: the runtime's poller lets go of the other one.
	var fd int
	var failed error
	if err := raw.Control(func(old uintptr) { fd, failed = duplicate(old) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	return &polled{handler: h, loop: p.loops[p.next.Add(1)%uint32(len(p.loops))], fd: int32(fd)}, nil
}

// duplicate returns another descriptor of what fd is one of.
func duplicate(fd uintptr) (int, error) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
	if errno != 0 {
		return -1, os.NewSyscallError("fcntl", errno)
	}
	return int(n), nil
}

// A loop watches its share of the connections.
type loop struct {
	fd   int
	file *os.File // the same, known to the runtime's poller
	raw  syscall.RawConn

	// Owned by the goroutine of run.
	buffer []byte
	events [128]syscall.EpollEvent
	due    [128]event
	more   []*polled // read a whole buffer, and have to be read again

	mu    sync.Mutex // guards what follows
	slots []slot
	free  []uint32
}

// A slot gives a connection a number. Events carry the slot's generation as well, so that one
// that was fetched before its connection was closed is not taken for another's.
type slot struct {
	conn       *polled
	generation uint32
}

type event struct {
	conn *polled
	what uint32
}

func newLoop() (*loop, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("netpoll: %w", os.NewSyscallError("epoll_create1", err))
	}
	// Non-blocking, so that os.NewFile lets the runtime's poller watch it: an epoll instance
	// is readable while it has events. A loop that waits is a parked goroutine, not a thread.
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil, fmt.Errorf("netpoll: %w", err)
	}
	l := &loop{fd: fd, file: os.NewFile(uintptr(fd), "epoll"), buffer: make([]byte, readSize)}
	if l.raw, err = l.file.SyscallConn(); err != nil {
		l.file.Close()
		return nil, fmt.Errorf("netpoll: %w", err)
	}
	return l, nil
}

// edges is what connections are watched for: edge-triggered, so that reading does not have to
// change it.
const edges = syscall.EPOLLIN | syscall.EPOLLRDHUP | 1<<31 // EPOLLET, which package syscall has as a negative number

// add begins to watch a connection.
func (l *loop) add(c *polled) error {
	l.mu.Lock()
	if n := len(l.free); n > 0 {
		c.slot, l.free = l.free[n-1], l.free[:n-1]
	} else {
		c.slot = uint32(len(l.slots))
		l.slots = append(l.slots, slot{})
	}
	s := &l.slots[c.slot]
	s.conn, c.generation = c, s.generation
	l.mu.Unlock()
	err := l.watch(c, syscall.EPOLL_CTL_ADD, edges)
	if err != nil {
		l.remove(c)
	}
	return err
}

func (l *loop) watch(c *polled, op int, events uint32) error {
	e := syscall.EpollEvent{Events: events, Fd: int32(c.slot), Pad: int32(c.generation)}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(l.fd, op, int(c.fd), &e))
}

// remove forgets a connection. The system stops watching it when its descriptor is closed.
func (l *loop) remove(c *polled) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if int(c.slot) >= len(l.slots) || l.slots[c.slot].conn != c {
		return // it was not added
	}
	s := &l.slots[c.slot]
	s.conn = nil
	s.generation++
	l.free = append(l.free, c.slot)
}

// run serves the connections until the loop's file is closed.
func (l *loop) run() {
	var n int
	fetch := func(uintptr) bool {
		n = l.fetch()
		return n != 0
	}
	for {
		if len(l.more) > 0 {
			n = l.fetch()
		} else if l.raw.Read(fetch) != nil {
			return
		}
		if n < 0 {
			return
		}
		more := l.more
		l.more = nil
		for _, e := range l.due[:n] {
			e.conn.ready(e.what)
		}
		clear(l.due[:n])
		for _, c := range more {
			c.input(l.buffer, true)
		}
	}
}

// fetch asks for events, without waiting for any, and looks up whom they are for. It returns
// 0 when there are none, and a negative number when the loop has ended.
func (l *loop) fetch() int {
	for {
		n, errno := epollWait(l.fd, l.events[:])
		switch {
		case errno != 0:
			return -1
		case n == 0:
			return 0
		}
		if known := l.lookUp(l.events[:n]); known > 0 {
			return known
		}
	}
}

// lookUp finds the connections of events, but for those that were closed since, and returns
// how many there are.
func (l *loop) lookUp(events []syscall.EpollEvent) (known int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		if s := &l.slots[e.Fd]; s.conn != nil && s.generation == uint32(e.Pad) {
			l.due[known] = event{s.conn, e.Events}
			known++
		}
	}
	return known
}
