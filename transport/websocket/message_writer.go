package websocket

import (
	"errors"
	"sync"
)

// MessageWriter sends one message in fragments while it is being written, so that it is never held whole. It gathers some
// 4 KiB for a fragment; Flush sends what there is. One goroutine at a time may use it.
//
// Other messages of the connection wait until it is closed. Pings, pongs and the close frame go between its fragments.
type MessageWriter struct {
	c    *Conn
	op   Opcode  // of the message
	sent bool    // a fragment was
	buf  *[]byte // what was written and not sent, before compression
	err  error

	deflate *deflater // once the message is compressed; its output is gathered in out
	done    func()
	out     *[]byte
}

// fragmentSize is the payload in bytes that is gathered for a fragment.
const fragmentSize = 4 << 10

var fragments = sync.Pool{New: func() any { b := make([]byte, 0, fragmentSize); return &b }}

var errWriterClosed = errors.New("websocket: message writer is closed")

// Writer begins a message of type OpText or OpBinary. It waits for messages under way to be complete. The message ends with
// Close, which must be called, also after an error.
func (c *Conn) Writer(op Opcode) (*MessageWriter, error) {
	if op != OpText && op != OpBinary {
		return nil, errNotData
	}
	if err := c.lockMessage(); err != nil {
		return nil, err
	}
	return &MessageWriter{c: c, op: op, buf: fragments.Get().(*[]byte)}, nil
}

// Write adds p to the message. It sends only when a fragment is full.
func (w *MessageWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.deflate == nil && len(*w.buf)+len(p) <= fragmentSize {
		*w.buf = append(*w.buf, p...)
		return len(p), nil
	}
	switch {
	case w.c.deflate != nil:
		w.compress()
		w.deflate.write(p)
		if len(w.deflate.out.b) >= fragmentSize {
			w.sendCompressed(false)
		}
	default:
		if len(*w.buf) > 0 {
			w.send(false, false, *w.buf)
			*w.buf = (*w.buf)[:0]
		}
		// The last fragment carries FIN, so what fits is kept: it may be that one.
		if len(p) <= fragmentSize {
			*w.buf = append(*w.buf, p...)
		} else {
			w.send(false, false, p)
		}
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// Flush sends what was written so far.
func (w *MessageWriter) Flush() error {
	if w.err != nil {
		return w.err
	}
	if w.c.deflate != nil {
		if len(*w.buf) > 0 || w.deflate != nil {
			w.compress()
			w.deflate.flush()
			w.sendCompressed(false)
		}
	} else if len(*w.buf) > 0 {
		w.send(false, false, *w.buf)
		*w.buf = (*w.buf)[:0]
	}
	return w.err
}

// Close sends the end of the message.
func (w *MessageWriter) Close() error {
	if w.buf == nil {
		return errWriterClosed
	}
	if w.err == nil {
		w.finish()
	}
	err := w.err
	w.err = errWriterClosed
	if w.deflate != nil {
		recycleFragment(w.out, w.deflate.out.b)
		w.deflate.out.b = nil
		w.done()
	}
	recycleFragment(w.buf, *w.buf)
	w.buf = nil
	w.c.message.unlock()
	return err
}

func (w *MessageWriter) finish() {
	c := w.c
	if w.deflate == nil && (c.deflate == nil || len(*w.buf) < c.deflation.threshold()) {
		w.send(true, false, *w.buf)
		return
	}
	w.compress()
	w.deflate.flush()
	// The flush wrote the tail as a whole, whatever was sent before.
	w.deflate.out.b = w.deflate.out.b[:len(w.deflate.out.b)-len(deflateTail)]
	w.sendCompressed(true)
}

// compress makes the message a compressed one, beginning with what is gathered.
func (w *MessageWriter) compress() {
	if w.deflate != nil {
		return
	}
	w.deflate, w.done = w.c.messageDeflater()
	w.out = fragments.Get().(*[]byte)
	w.deflate.out.b = (*w.out)[:0]
	w.deflate.write(*w.buf)
	*w.buf = (*w.buf)[:0]
}

func (w *MessageWriter) sendCompressed(fin bool) {
	w.send(fin, true, w.deflate.out.b)
	w.deflate.out.b = w.deflate.out.b[:0]
}

// send sends a fragment.
func (w *MessageWriter) send(fin, compressed bool, payload []byte) {
	if w.err != nil {
		return
	}
	op := w.op
	if w.sent {
		op = OpContinuation
	}
	// RFC 7692, section 6: RSV1 on the first fragment only.
	w.err = w.c.writeFrame(op, fin, compressed && !w.sent, payload)
	w.sent = true
}

// recycleFragment gives a buffer back unless it grew far.
func recycleFragment(buffer *[]byte, b []byte) {
	if cap(b) > 16*fragmentSize {
		return
	}
	*buffer = b[:0]
	fragments.Put(buffer)
}
