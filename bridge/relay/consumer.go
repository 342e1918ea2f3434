package relay

import (
	"context"
	"errors"
	"io"
	"time"
)

// A Consumer reads a stream from one place on. Take and Read belong to one goroutine at a time;
// Close may be called from any, and twice.
type Consumer struct {
	stream *stream
	remote *feed           // nil: a client
	wake   func(cut bool)  // called with the stream's mutex held
	bell   <-chan struct{} // what wake rings, if nobody else gave one

	// Guarded by the stream's mutex.
	pos    int64         // what is in front of it was taken
	moved  time.Time     // when it took something, or first could again
	held   time.Duration // how long it made others wait
	parked bool          // waits for wake
	err    error         // why it ended
}

// Take copies what comes next, without blocking, and says where in the stream it stands. When
// there is nothing yet it returns 0, and wake will be called once. At the end it returns io.EOF,
// or a *[CutError] when the rest does not come.
func (c *Consumer) Take(b []byte) (n int, offset int64, err error) {
	s := c.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.err != nil:
		return 0, c.pos, c.err
	case c.pos < s.window.end:
		now := time.Now()
		s.account(now)
		n, offset = s.window.read(b, c.pos), c.pos
		c.pos += int64(n)
		c.moved = now
		s.flow()
		return n, offset, nil
	case s.state == Complete && c.pos == s.window.end:
		c.over(io.EOF)
	case s.state == Complete:
		c.over(&CutError{Reason: Gone})
	case s.state == Broken:
		cut := s.cut
		c.over(&cut)
	default:
		c.parked = true
	}
	return 0, c.pos, c.err
}

// Read is Take for who can wait. The consumer must have been joined with a nil wake.
func (c *Consumer) Read(ctx context.Context, b []byte) (int, error) {
	for {
		n, _, err := c.Take(b)
		if n > 0 || err != nil {
			return n, err
		}
		select {
		case <-c.bell:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// Ready waits until it is known whether the stream can be given from where the consumer asked
// for it: at once on its origin, after an answer from there elsewhere.
func (c *Consumer) Ready(ctx context.Context) error {
	if m := c.stream.mirror; m != nil {
		select {
		case <-m.answered:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s := c.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == Broken && s.cut.Reason != BySender {
		cut := s.cut
		return &cut
	}
	return c.err
}

// Size returns how long the stream is in all, if that is known.
func (c *Consumer) Size() (n int64, known bool) {
	s := c.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == Complete {
		return s.window.end, true
	}
	return 0, false
}

// Close leaves the stream.
func (c *Consumer) Close() {
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	c.end(ErrClosed)
}

// end ends the consumer from outside, and wakes it. The stream's mutex is held.
func (c *Consumer) end(err error) {
	if c.err == nil {
		c.over(err)
		c.parked = false
		c.wake(err != ErrClosed)
	}
}

// over notes how the consumer ended; only the first call counts. The stream's mutex is held.
func (c *Consumer) over(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	c.stream.leave(c)
	if c.remote == nil {
		c.stream.relay.consumers.Add(-1)
		c.stream.relay.options.Observer.ConsumerEnded(outcome(err))
	}
}

// unpark wakes who waits. A feed is woken by everything.
func (c *Consumer) unpark() {
	if c.parked || c.remote != nil {
		c.parked = false
		c.wake(false)
	}
}

// hasAll reports whether the consumer waits for the sender.
func (c *Consumer) hasAll() bool {
	if c.remote != nil {
		return c.remote.hasAll(c.stream.window.end)
	}
	return c.pos >= c.stream.window.end
}

// outcome names how a consumer ended, for metrics.
func outcome(err error) string {
	cut := (*CutError)(nil)
	switch {
	case err == io.EOF:
		return "complete"
	case errors.As(err, &cut):
		return string(cut.Reason)
	}
	return "left"
}
