package websocket

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// readState is owned by who holds Conn.reading.
type readState struct {
	dec   Decoder
	buf   []byte // nil before the first read
	r, w  int    // buf[r:w] was read and not decoded
	size  int
	limit int64 // bytes of a message, after inflation

	open    bool // a message was begun and not read to its end
	ev      Event
	rest    []byte     // of the present piece
	inflate *inflation // of the present message, when it is compressed
	window  *window    // of the peer, with context takeover
}

func (s *readState) init(c *Conn, o *Options, early []byte) {
	s.dec = NewDecoder(NewDecoderConfig(c.side, c.deflate != nil, o.Limits))
	s.limit = s.dec.cfg.limits.MaxMessage
	s.size = defaultReadBuffer
	if o.ReadBuffer > 0 {
		s.size = max(o.ReadBuffer, minReadBuffer)
	}
	if len(early) > 0 {
		s.buf = make([]byte, max(s.size, len(early)))
		s.w = copy(s.buf, early)
	}
	if c.deflate != nil {
		if noTakeover, bits := c.deflate.of(1 - c.side); !noTakeover {
			s.window = &window{size: 1 << bits}
		}
	}
}

// Next waits for the next data message. The reader gives its bytes as they come, however long it is, and io.EOF at its
// end; it is good until the next call of Next or ReadMessage, which drops what was not read. Its WriteTo hands pieces on
// without copying them.
//
// ctx holds for the reader too. A context that ends interrupts the wait and leaves the connection good: the next call
// waits on. Only in the midst of a message that is compressed with context takeover does it end the connection.
func (c *Conn) Next(ctx context.Context) (Opcode, io.Reader, error) {
	c.reading.lock()
	defer c.reading.unlock()
	if err := c.nextMessage(ctx); err != nil {
		return 0, nil, err
	}
	return c.read.ev.Op, messageReader{c}, nil
}

// ReadMessage waits for the next data message and returns it whole in buf[:0], grown as needed. It is at most
// Limits.MaxMessage long, 1 MiB where that is unlimited; a longer one closes the connection with 1009. For ctx see Next.
func (c *Conn) ReadMessage(ctx context.Context, buf []byte) (Opcode, []byte, error) {
	c.reading.lock()
	defer c.reading.unlock()
	buf = buf[:0]
	if err := c.nextMessage(ctx); err != nil {
		return 0, buf, err
	}
	s := &c.read
	limit := s.limit
	if c.unlimited() {
		limit = defaultMaxMessage
	}
	for {
		if s.inflate == nil && s.ev.Last && len(s.rest) == 0 {
			s.open = false
			return s.ev.Op, buf, nil
		}
		if len(buf) == cap(buf) {
			buf = grow(buf, s)
		}
		n, err := c.readMessage(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case err == io.EOF:
			return s.ev.Op, buf, nil
		case err != nil:
			return 0, buf, err
		case int64(len(buf)) > limit:
			return 0, buf, c.fail(errMessageTooBig)
		}
	}
}

// grow makes room for what came of the message and for what is announced of its frame, of which it believes no more than
// was sent so far and 4 KiB: a length costs a peer nothing.
func grow(buf []byte, s *readState) []byte {
	room := len(buf) + 512
	if s.inflate == nil {
		room = len(s.rest) + int(min(s.dec.Remaining(), int64(len(buf)+4<<10)))
		if !s.ev.Last {
			room = max(room, len(buf)+512)
		}
	}
	grown := make([]byte, len(buf), len(buf)+room)
	copy(grown, buf)
	return grown
}

// nextMessage waits for the first piece of a message.
func (c *Conn) nextMessage(ctx context.Context) error {
	if err := c.Err(); err != nil {
		return err
	}
	if err := c.deadline.watch(ctx); err != nil {
		return err
	}
	if err := c.discard(); err != nil {
		return err
	}
	s := &c.read
	ev, _, err := c.piece(nil)
	if err != nil {
		return err
	}
	s.open, s.ev, s.rest = true, ev, ev.Payload
	if ev.Compressed {
		s.inflate = newInflation(compressedReader{c}, s.window, ev.Op == OpText, s.limit)
	}
	return nil
}

// discard drops the rest of the present message. With context takeover it has to be inflated all the same.
func (c *Conn) discard() error {
	s := &c.read
	if !s.open {
		return nil
	}
	if s.inflate != nil && s.window == nil {
		s.closeInflate()
	}
	scratch := bulks.Get().(*[]byte)
	defer bulks.Put(scratch)
	for {
		if _, err := c.readMessage(*scratch); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (s *readState) closeInflate() {
	s.inflate.release()
	s.inflate = nil
}

// readMessage reads from the present message into p, which is not empty.
func (c *Conn) readMessage(p []byte) (int, error) {
	s := &c.read
	if !s.open {
		return 0, io.EOF
	}
	if s.inflate == nil {
		return c.readPlain(p)
	}
	n, err := s.inflate.Read(p)
	if err == nil {
		return n, nil
	}
	if broken, ok := err.(*ProtocolError); ok {
		err = c.fail(broken)
	}
	if err != io.EOF && s.window != nil {
		// What was inflated so far is lost, and with it the window.
		c.end(fmt.Errorf("websocket: read: %w", err), true)
	}
	if err == io.EOF || s.window != nil {
		s.closeInflate()
		s.open = false
	}
	return n, err
}

// readPlain reads from the present message as it is on the wire.
func (c *Conn) readPlain(p []byte) (int, error) {
	s := &c.read
	for len(s.rest) == 0 {
		if s.ev.Last {
			s.open = s.inflate != nil // the inflation has its own end
			return 0, io.EOF
		}
		ev, direct, err := c.piece(p)
		if err != nil {
			return 0, err
		}
		s.ev = ev
		if direct {
			return len(ev.Payload), nil
		}
		s.rest = ev.Payload
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// compressedReader is what an inflation reads from.
type compressedReader struct{ c *Conn }

func (r compressedReader) Read(p []byte) (int, error) { return r.c.readPlain(p) }

// messageReader reads the present message.
type messageReader struct{ c *Conn }

func (m messageReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	m.c.reading.lock()
	defer m.c.reading.unlock()
	return m.c.readMessage(p)
}

// bulks are buffers for messages that pass through: borrowed while one does.
var bulks = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// WriteTo implements io.WriterTo: pieces go to w as they lie in the read buffer.
func (m messageReader) WriteTo(w io.Writer) (total int64, err error) {
	c := m.c
	c.reading.lock()
	defer c.reading.unlock()
	s := &c.read
	bulk := bulks.Get().(*[]byte)
	defer bulks.Put(bulk)
	for s.open {
		var piece []byte
		switch {
		case s.inflate != nil:
			n, err := c.readMessage(*bulk)
			if err != nil && err != io.EOF {
				return total, err
			}
			piece = (*bulk)[:n]
		case len(s.rest) > 0:
			piece, s.rest = s.rest, nil
		case s.ev.Last:
			s.open = false
		default:
			ev, _, err := c.piece(*bulk)
			if err != nil {
				return total, err
			}
			s.ev, s.rest = ev, ev.Payload
		}
		if len(piece) == 0 {
			continue
		}
		n, err := w.Write(piece)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}
