package websocket

import (
	"bufio"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// inflateTail follows the bytes of each compressed message: the tail that its sender cut off (RFC 7692, section 7.2.2),
// then an empty final block, with which the decompressor says that it saw the end rather than the lack of input.
const inflateTail = deflateTail + "\x01" + deflateTail

// maxFinalBlocks bounds the blocks with BFINAL in one message: each makes the decompressor start anew.
const maxFinalBlocks = 1024

// Inflater decompresses the messages of one peer where they are whole in memory, as an event loop has them. A [Conn]
// needs none. The zero value is for a peer without context takeover and holds nothing between messages.
type Inflater struct {
	// Takeover keeps a window of up to 1<<WindowBits bytes from message to message.
	Takeover   bool
	WindowBits int // 8 to 15; 0: 15

	window window
	bytes  bytesReader
}

// Append appends the message whose compressed bytes, without the tail, are p. It stops with an error of code 1009 when
// the message is longer than limit bytes, 1007 when p is corrupt or, for OpText, the message is not UTF-8.
func (i *Inflater) Append(dst []byte, op Opcode, p []byte, limit int64) ([]byte, error) {
	var w *window
	if i.Takeover {
		w = &i.window
		w.size = 1 << windowBits(i.WindowBits)
	}
	i.bytes.rest = p
	f := newInflation(&i.bytes, w, op == OpText, limit)
	defer f.release()
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := f.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

type bytesReader struct{ rest []byte }

func (b *bytesReader) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// inflation is the decompression of one message: it reads the compressed bytes from a reader and gives the message out as
// it gets to it. Inflations are pooled, with some 40 KiB of memory each.
type inflation struct {
	flate   io.Reader
	in      *bufio.Reader // the decompressor is fast only on readers it knows
	src     tailedReader
	window  *window // nil without context takeover
	left    int64   // bytes that the message may still have
	checked bool    // the message is text
	text    utf8Check
	finals  int
	err     error
}

var inflations = sync.Pool{New: func() any {
	f := &inflation{}
	f.in = bufio.NewReaderSize(nil, 4<<10)
	f.flate = flate.NewReader(f.in)
	return f
}}

func newInflation(src io.Reader, w *window, text bool, limit int64) *inflation {
	f := inflations.Get().(*inflation)
	f.src = tailedReader{r: src, tail: inflateTail}
	f.in.Reset(&f.src)
	f.window, f.left, f.checked = w, limit, text
	f.text, f.finals, f.err = utf8Check{}, 0, nil
	f.restart()
	return f
}

func (f *inflation) release() {
	f.src = tailedReader{}
	f.in.Reset(nil)
	f.window = nil
	inflations.Put(f)
}

// restart lets the decompressor begin with the next block, knowing the window.
func (f *inflation) restart() {
	var dict []byte
	if f.window != nil {
		dict = f.window.b
	}
	f.flate.(flate.Resetter).Reset(f.in, dict) // returns no error
}

// Read gives the message out. What a sender flushed is given out without waiting for more. After an error, io.EOF at the end
// of the message included, it returns that again.
func (f *inflation) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, f.err
	}
	for f.err == nil {
		n, err := f.flate.Read(p)
		f.err = f.end(err)
		if n == 0 {
			if f.err == io.EOF && f.checked && !f.text.complete() {
				f.err = errUTF8
			}
			continue
		}
		f.left -= int64(n)
		if f.left < 0 {
			f.err = errMessageTooBig
			continue
		}
		if f.window != nil {
			f.window.write(p[:n])
		}
		if f.checked && (!f.text.write(p[:n]) || f.err == io.EOF && !f.text.complete()) {
			f.err = errUTF8
			continue
		}
		return n, nil
	}
	return 0, f.err
}

// end tells what an error of the decompressor means for the message.
func (f *inflation) end(err error) error {
	switch {
	case err == nil:
		return nil
	case f.src.err != nil:
		return f.src.err
	case !f.src.some:
		// A compressed message is at least one byte long, but some compressors make nothing of nothing.
		return io.EOF
	case err != io.EOF:
		return errDeflateData
	}
	// A final block: that of the tail, or one that the sender made (RFC 7692, section 7.2.3.4). After the latter the
	// message may go on with further blocks.
	rest, _ := f.in.Peek(len(inflateTail) + 1)
	if f.src.err != nil {
		return f.src.err
	}
	if len(rest) <= len(inflateTail) {
		return io.EOF
	}
	if f.finals++; f.finals > maxFinalBlocks {
		return errDeflateData
	}
	f.restart()
	return nil
}

// tailedReader reads r, then the tail. It keeps errors of r other than io.EOF, which a decompressor would disguise.
type tailedReader struct {
	r    io.Reader
	tail string
	some bool // r gave bytes
	done bool
	err  error
}

func (t *tailedReader) Read(p []byte) (int, error) {
	if t.err != nil {
		return 0, t.err
	}
	if !t.done {
		n, err := t.r.Read(p)
		if err == io.EOF {
			t.done = true
		} else if err != nil {
			t.err = err
		}
		if n > 0 {
			t.some = true
			return n, nil
		}
		if t.err != nil || !t.done {
			return 0, t.err
		}
	}
	if t.tail == "" {
		return 0, io.EOF
	}
	n := copy(p, t.tail)
	t.tail = t.tail[n:]
	return n, nil
}

// window is the end of what a peer sent, which its next message may refer to (RFC 7692, section 7.1.1).
type window struct {
	size int
	b    []byte
}

func (w *window) write(p []byte) {
	if len(p) >= w.size {
		w.b = append(w.b[:0], p[len(p)-w.size:]...)
		return
	}
	if over := len(w.b) + len(p) - w.size; over > 0 {
		w.b = w.b[:copy(w.b, w.b[over:])]
	}
	w.b = append(w.b, p...)
}
