package websocket

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// deflateTail is what a sync flush ends with: an empty stored block without its header bits. It is cut off behind a
// message and put back by the receiver (RFC 7692, section 7.2.1).
const deflateTail = "\x00\x00\xff\xff"

// AppendDeflatedFrame compresses payload and appends it as one final unmasked frame, for all connections whose
// [Conn.TakesDeflatedFrames] is true. level is 1 to 9; 0 is the default of [DeflateOptions]. A payload that compression does not
// make smaller is appended as it is, which those connections take as well.
func AppendDeflatedFrame(dst []byte, op Opcode, payload []byte, level int) []byte {
	o := DeflateOptions{Level: level}
	d := newDeflater(o.level(), maxWindowBits)
	scratch := buffers.Get().(*[]byte)
	compressed := d.append((*scratch)[:0], payload)
	d.release()
	if len(compressed) < len(payload) {
		dst = AppendFrame(dst, op, true, true, compressed)
	} else {
		dst = AppendFrame(dst, op, true, false, payload)
	}
	recycle(scratch, compressed)
	return dst
}

// deflater compresses own messages. It belongs to one message, or with context takeover to a connection.
type deflater struct {
	w    *flate.Writer
	out  appender
	pool *sync.Pool
}

// appender collects what the compressor writes.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// Compressors are some hundred KiB each, so they are shared by all messages: one pool a level, and one a window that is
// smaller than 15 bits, where there is one level.
var (
	levelPools  [10]sync.Pool
	windowPools [maxWindowBits]sync.Pool
)

// newDeflater returns a deflater with an empty window. level is 1 to 9, bits 8 to 15.
func newDeflater(level, bits int) *deflater {
	pool := &levelPools[level]
	if bits < maxWindowBits {
		pool = &windowPools[bits]
	}
	if d, ok := pool.Get().(*deflater); ok {
		d.w.Reset(&d.out)
		return d
	}
	d := &deflater{pool: pool}
	var err error
	if bits < maxWindowBits {
		d.w, err = flate.NewWriterWindow(&d.out, 1<<bits)
	} else {
		d.w, err = flate.NewWriter(&d.out, level)
	}
	if err != nil {
		panic("websocket: " + err.Error()) // level and bits are in range
	}
	return d
}

// release gives d back for other messages.
func (d *deflater) release() {
	d.out.b = nil
	d.pool.Put(d)
}

// append compresses a whole message (RFC 7692, section 7.2.1) and appends it without its tail. An empty message becomes
// one zero byte (section 7.2.3.6).
func (d *deflater) append(dst, payload []byte) []byte {
	d.out.b = dst
	d.write(payload)
	d.flush()
	dst = d.out.b
	d.out.b = nil
	return dst[:len(dst)-len(deflateTail)]
}

// write and flush compress into out, which never fails.
func (d *deflater) write(p []byte) { d.w.Write(p) }
func (d *deflater) flush()         { d.w.Flush() }

// messageDeflater returns what compresses the next own message, and what to do with it afterwards. The caller holds
// message.
func (c *Conn) messageDeflater() (d *deflater, done func()) {
	noTakeover, bits := c.deflate.of(c.side)
	if noTakeover {
		d := newDeflater(c.deflation.level(), bits)
		return d, d.release
	}
	if c.deflater == nil {
		c.deflater = newDeflater(c.deflation.level(), bits)
	}
	return c.deflater, func() {}
}
