package websocket

import (
	"fmt"
	"io"
	"os"
	"time"
)

// lingerTimeout is how long, after both close frames, the peer is waited for to close its end, at most CloseTimeout.
const lingerTimeout = time.Second

var errCloseTimeout = fmt.Errorf("websocket: no close frame came in time: %w", os.ErrDeadlineExceeded)

// Close performs the close handshake (RFC 6455, section 7.1.2): it sends code and reason, waits for the peer's close frame up to
// CloseTimeout while messages are dropped, and closes the connection. Reads and writes under way elsewhere end with it.
//
// It returns nil when the peer's close frame was seen, else why the connection is over. A reason above 123 bytes is cut.
func (c *Conn) Close(code StatusCode, reason string) error {
	timer := time.NewTimer(c.closeTimeout)
	defer timer.Stop()
	deadline := time.Now().Add(c.closeTimeout)

	select {
	case c.wire <- struct{}{}:
		c.sendClose(code, reason, deadline)
		c.unlockWire()
	case <-c.closed:
	case <-timer.C:
		c.end(errCloseTimeout, true)
	}
	c.deadline.close(deadline)

	// The peer's answer comes to whoever reads: someone else, or nobody, and then it is read here.
	select {
	case c.reading <- struct{}{}:
		for {
			if _, _, err := c.piece(nil); err != nil {
				break
			}
		}
		c.reading.unlock()
	case <-c.closed:
	case <-timer.C:
		c.end(errCloseTimeout, true)
	}
	<-c.closed
	if c.sawClose.Load() {
		return nil
	}
	return c.cause
}

// sendClose writes a close frame, the last frame of this side, unless there was one. The caller holds wire.
func (c *Conn) sendClose(code StatusCode, reason string, deadline time.Time) {
	if c.write.closeSent {
		return
	}
	c.write.closeSent = true
	var payload [maxControl]byte
	frame := c.appendFrame(c.write.control[:0], OpClose, true, false, AppendClosePayload(payload[:0], code, reason))
	c.nc.SetWriteDeadline(deadline)
	if _, err := c.nc.Write(frame); err != nil {
		c.end(fmt.Errorf("websocket: write: %w", err), true)
	}
}

// answerClose takes the peer's close frame: it is answered with the same code (RFC 6455, section 5.5.1) unless it is an
// answer itself, and then the connection is over. The caller holds reading.
func (c *Conn) answerClose(ev Event) error {
	c.sawClose.Store(true)
	cause := error(&CloseError{Code: ev.Code, Reason: string(ev.Payload)})
	if c.finish(ev.Code, "") {
		cause = errClosedHere
	}
	c.end(cause, false)
	return c.cause
}

// fail closes the connection for what the peer sent (RFC 6455, section 7.1.7). The caller holds reading.
func (c *Conn) fail(e *ProtocolError) error {
	if err := c.Err(); err != nil {
		return err
	}
	c.finish(e.Code, e.Reason)
	c.end(e, false)
	return c.cause
}

// finish sends the last close frame and lets the peer close first where that is its part. It reports whether a close frame
// had been sent before.
func (c *Conn) finish(code StatusCode, reason string) (sentBefore bool) {
	timer := time.NewTimer(c.closeTimeout)
	defer timer.Stop()
	select {
	case c.wire <- struct{}{}:
		sentBefore = c.write.closeSent
		c.sendClose(code, reason, time.Now().Add(c.closeTimeout))
		c.unlockWire()
		c.linger()
	case <-c.closed:
	case <-timer.C:
	}
	return sentBefore
}

// linger reads until the peer closes its end, for a short time. The server half-closes first (RFC 6455, section 7.1.1); if it closed
// whole while bytes are unread, TCP would answer with a reset, and the peer could lose the close frame.
func (c *Conn) linger() {
	if c.side == ServerSide {
		half, ok := c.nc.(interface{ CloseWrite() error })
		if !ok || half.CloseWrite() != nil {
			return
		}
	}
	c.deadline.close(time.Now().Add(min(lingerTimeout, c.closeTimeout)))
	scratch := bulks.Get().(*[]byte)
	defer bulks.Put(scratch)
	for {
		if _, err := io.ReadFull(c.nc, *scratch); err != nil {
			return
		}
	}
}
