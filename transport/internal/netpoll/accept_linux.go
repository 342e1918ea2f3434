package netpoll

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// An Acceptor accepts connections as its poller's own.
type Acceptor struct {
	poller *Poller
	file   *os.File
	raw    syscall.RawConn
	begin  func(Conn, netip.AddrPort) Handler
	errno  syscall.Errno // why accepting has stopped
	took   bool          // a connection came since it last stopped
}

// Listen makes an Acceptor of l, which must not be used any more. The error is ErrUnsupported, and
// l as it was, where the system's poller cannot watch what comes.
//
// Connections have the socket options of the listener: TCP_NODELAY, and keep-alive as package net
// sets it. They are set once, where net.TCPListener sets them on each.
func (p *Poller) Listen(l net.Listener) (*Acceptor, error) {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return nil, ErrUnsupported
	}
	if p.start.Do(p.open); len(p.loops) == 0 {
		return nil, ErrUnsupported
	}
	defer tcp.Close()
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	// A descriptor of its own, since package net lets nobody else wait for one of its listeners.
	var fd int
	var failed error
	if err := raw.Control(func(old uintptr) { fd, failed = duplicate(old); inherit(old) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	a := &Acceptor{poller: p, file: os.NewFile(uintptr(fd), "listener")}
	if a.raw, err = a.file.SyscallConn(); err != nil {
		a.file.Close()
		return nil, err
	}
	return a, nil
}

// Run accepts until Close. For each connection begin returns the handler, or nil where the
// connection is not wanted, and has closed it; then its input comes. failed is told of each failure
// that may pass, such as that there are no descriptors left. Both are called on the goroutine of
// Run, which is called once.
func (a *Acceptor) Run(begin func(c Conn, remote netip.AddrPort) Handler, failed func(error)) error {
	a.begin = begin
	pause := firstPause
	for {
		if err := a.raw.Read(a.accept); err != nil {
			return net.ErrClosed
		}
		failed(os.NewSyscallError("accept", a.errno))
		time.Sleep(pause)
		if pause = min(2*pause, lastPause); a.took {
			pause, a.took = firstPause, false
		}
	}
}

// Close ends Run.
func (a *Acceptor) Close() error { return a.file.Close() }

// How long a failure to accept is waited for.
const (
	firstPause = 5 * time.Millisecond
	lastPause  = time.Second
)

// What package net sets on connections (net.KeepAliveConfig).
const (
	keepAlive = 15 // seconds without traffic, and between two probes
	probes    = 9
)

// inherit sets what connections have of their listener (tcp(7)). What cannot be set is missed by
// nobody.
func inherit(fd uintptr) {
	for _, o := range [][3]int{
		{syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
		{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, keepAlive},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, keepAlive},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, probes},
	} {
		_ = syscall.SetsockoptInt(int(fd), o[0], o[1], o[2])
	}
}

// accept takes what waits at a listener. It returns false when nothing does, and true when
// accepting has failed.
func (a *Acceptor) accept(listener uintptr) bool {
	for {
		fd, from, err := syscall.Accept4(int(listener), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch {
		case err == nil:
			a.took = true
			a.take(fd, addrPort(from))
		case errors.Is(err, syscall.EAGAIN):
			return false
		case errors.Is(err, syscall.EINTR), errors.Is(err, syscall.ECONNABORTED):
		default:
			a.errno, _ = err.(syscall.Errno)
			return true
		}
	}
}

func (a *Acceptor) take(fd int, from netip.AddrPort) {
	p := a.poller
	c := &polled{loop: p.loops[p.next.Add(1)%uint32(len(p.loops))], fd: int32(fd)}
	if c.handler = a.begin(c, from); c.handler == nil {
		return
	}
	if err := c.Start(); err != nil {
		c.handler.Gone(err)
	}
}

func addrPort(a syscall.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}
