package websocket

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
)

func (c *Conn) unlimited() bool { return c.read.limit == math.MaxInt64 }

// piece waits for the next piece of a data message and does what control frames in front of it ask for. Where the
// decoder is inside a frame and nothing is buffered, the piece is read straight into into, if that is no shorter than the
// read buffer; direct says so. Otherwise it lies in the read buffer.
func (c *Conn) piece(into []byte) (ev Event, direct bool, err error) {
	s := &c.read
	for {
		var in []byte
		direct = s.r == s.w && s.dec.Remaining() > 0 && len(into) >= s.size
		if direct {
			in = into[:min(int64(len(into)), s.dec.Remaining())]
			n, err := c.receive(in)
			if err != nil {
				return Event{}, false, err
			}
			in = in[:n]
		} else {
			if s.r == s.w {
				if err := c.fill(); err != nil {
					return Event{}, false, err
				}
			}
			in = s.buf[s.r:s.w]
		}
		n, ev, err := s.dec.Next(in)
		if !direct {
			s.r += n
		}
		if err != nil {
			return Event{}, false, c.fail(err.(*ProtocolError))
		}
		switch ev.Kind {
		case EventData:
			return ev, direct, nil
		case EventPing:
			c.sendPong(ev.Payload)
		case EventPong:
			if c.onPong != nil {
				c.onPong(ev.Payload)
			}
		case EventClose:
			return Event{}, false, c.answerClose(ev)
		}
	}
}

// fill reads into the empty read buffer.
func (c *Conn) fill() error {
	s := &c.read
	if s.buf == nil {
		s.buf = make([]byte, s.size)
	}
	s.r, s.w = 0, 0
	n, err := c.receive(s.buf)
	s.w = n
	return err
}

// receive reads at least one byte into p.
func (c *Conn) receive(p []byte) (int, error) {
	if err := c.Err(); err != nil {
		return 0, err
	}
	n, err := c.nc.Read(p)
	if n > 0 {
		if c.onActivity != nil {
			c.onActivity()
		}
		return n, nil // an error comes again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err, interrupted := c.deadline.cause()
		if !interrupted {
			c.end(err, true)
		}
		return 0, err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // no close frame came
	}
	c.end(fmt.Errorf("websocket: read: %w", err), true)
	return 0, c.cause
}
