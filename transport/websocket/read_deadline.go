package websocket

import (
	"context"
	"net"
	"sync"
	"time"
)

// readDeadline owns the read deadline of a connection, for which a context and the close handshake contend.
//
// A context that ends moves the deadline into the past; since nothing but the wait is cut short, the connection stays
// good and the next read clears the deadline again. Once the close handshake has set its own, that stands.
type readDeadline struct {
	nc net.Conn

	mu      sync.Mutex // never held while blocking
	ctx     context.Context
	stop    func() bool // ends watching ctx
	fired   chan struct{}
	closing bool // the deadline belongs to the close handshake
}

// watch lets ctx cut reads short from now on, in place of the context before.
func (d *readDeadline) watch(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	// A loop that reads with one context registers it once.
	if d.ctx != nil && d.ctx.Done() == ctx.Done() {
		d.ctx = ctx
		return nil
	}
	if d.stop != nil && !d.stop() {
		fired := d.fired
		d.mu.Unlock()
		<-fired
		d.mu.Lock()
		if !d.closing {
			d.nc.SetReadDeadline(time.Time{})
		}
	}
	d.ctx, d.stop = ctx, nil
	if ctx.Done() == nil || d.closing {
		return nil
	}
	fired := make(chan struct{})
	d.fired = fired
	d.stop = context.AfterFunc(ctx, func() {
		defer close(fired)
		d.mu.Lock()
		defer d.mu.Unlock()
		if !d.closing {
			d.nc.SetReadDeadline(time.Unix(1, 0))
		}
	})
	return nil
}

// cause tells why a read ran into the deadline. interrupted says that it was the context and reading may go on later.
func (d *readDeadline) cause() (err error, interrupted bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closing && d.ctx != nil && d.ctx.Err() != nil {
		return d.ctx.Err(), true
	}
	return errCloseTimeout, false
}

// close sets the deadline of the close handshake, once.
func (d *readDeadline) close(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closing {
		d.closing = true
		d.nc.SetReadDeadline(t)
	}
}

// release lets go of the context.
func (d *readDeadline) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closing = true
	if d.stop != nil {
		d.stop()
		d.stop = nil
	}
}
