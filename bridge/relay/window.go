package relay

import "sync"

// pieceSize is how many bytes pass at once: a piece is the unit of windows and of datagrams.
const pieceSize = 32 << 10

type piece [pieceSize]byte

var pieces = sync.Pool{New: func() any { return new(piece) }}

// A window is the last bytes of a stream: those from start to end. It is a ring of pieces that
// come when they are needed and are written over when all are there.
type window struct {
	ring       []*piece
	start, end int64
}

// newWindow returns a window for limit bytes at most, a multiple of pieceSize, that begins at an
// offset of the stream.
func newWindow(limit, at int64) window {
	return window{ring: make([]*piece, limit/pieceSize), start: at, end: at}
}

func (w *window) limit() int64 { return int64(len(w.ring)) * pieceSize }

// place returns the memory of the byte at an offset, and of those behind it as far as its piece
// goes.
func (w *window) place(offset int64) []byte {
	p := &w.ring[offset/pieceSize%int64(len(w.ring))]
	if *p == nil {
		*p = pieces.Get().(*piece)
	}
	return (*p)[offset%pieceSize:]
}

// write appends bytes, limit at most; the oldest leave if there is no room.
func (w *window) write(b []byte) {
	for len(b) > 0 {
		n := copy(w.place(w.end), b)
		b = b[n:]
		w.end += int64(n)
	}
	w.start = max(w.start, w.end-w.limit())
}

// read copies what stands from an offset on, which lies in the window.
func (w *window) read(b []byte, offset int64) int {
	b = b[:min(int64(len(b)), w.end-offset)]
	n := 0
	for n < len(b) {
		n += copy(b[n:], w.place(offset+int64(n)))
	}
	return n
}

// pieceCount returns how many pieces it holds.
func (w *window) pieceCount() int {
	n := 0
	for _, p := range w.ring {
		if p != nil {
			n++
		}
	}
	return n
}

// drop gives the memory back. Nothing can be read from then on.
func (w *window) drop() {
	for i, p := range w.ring {
		if p != nil {
			pieces.Put(p)
			w.ring[i] = nil
		}
	}
	w.start = w.end
}

// trim gives up the places of pieces that never came, once nothing more comes, and returns how
// many bytes less it may hold.
func (w *window) trim() int64 {
	n := w.pieceCount()
	if n == 0 || w.start > 0 || n == len(w.ring) {
		return 0 // it went round, so all are there
	}
	freed := int64(len(w.ring)-n) * pieceSize
	w.ring = w.ring[:n:n]
	return freed
}
