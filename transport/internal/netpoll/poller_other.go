//go:build !linux

package netpoll

import (
	"net"
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
