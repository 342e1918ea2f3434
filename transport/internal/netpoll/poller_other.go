//go:build !linux

package netpoll

import (
	"net"
	"net/netip"
	"sync"
)

// A Poller gives connections goroutines of their own: there is no poller for this system.
type Poller struct{ goroutines sync.WaitGroup }

// New returns a poller.
func New(Options) *Poller { return &Poller{} }

// Close waits for the goroutines of connections, all of which have to be closed before.
func (p *Poller) Close() { p.goroutines.Wait() }

// Take makes a Conn of nc, which must not be used any more, also if that fails.
func (p *Poller) Take(nc net.Conn, h Handler) (Conn, error) { return p.portable(nc, h), nil }

// An Acceptor is never made.
type Acceptor struct{}

// Listen returns ErrUnsupported.
func (p *Poller) Listen(net.Listener) (*Acceptor, error) { return nil, ErrUnsupported }

// Run implements nothing.
func (*Acceptor) Run(func(Conn, netip.AddrPort) Handler, func(error)) error { return ErrUnsupported }

// Close implements nothing.
func (*Acceptor) Close() error { return nil }
