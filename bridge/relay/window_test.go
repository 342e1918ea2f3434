package relay

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestWindowModel holds the ring against a plain slice.
func TestWindowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(1, 4).Draw(t, "pieces") * pieceSize
		at := rapid.Int64Range(0, 10*pieceSize).Draw(t, "at")
		w := newWindow(limit, at)
		var all []byte // from at on
		next := byte(0)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			b := make([]byte, rapid.IntRange(0, int(limit)).Draw(t, "bytes"))
			for i := range b {
				next += 7
				b[i] = next ^ byte(i>>8)
			}
			w.write(b)
			all = append(all, b...)
			end := at + int64(len(all))
			if w.end != end || w.start != max(at, end-limit) || w.pieceCount() > len(w.ring) {
				t.Fatalf("it holds %d to %d in %d pieces, want up to %d", w.start, w.end, w.pieceCount(), end)
			}
			from := rapid.Int64Range(w.start, w.end).Draw(t, "from")
			got := make([]byte, rapid.IntRange(0, int(limit)).Draw(t, "room"))
			n := w.read(got, from)
			if want := all[from-at:]; int64(n) != min(int64(len(got)), w.end-from) || !bytes.Equal(got[:n], want[:n]) {
				t.Fatalf("%d bytes from %d are not those that were written", n, from)
			}
		}
	})
}

func TestWindowTakesWhatItNeeds(t *testing.T) {
	w := newWindow(8*pieceSize, 0)
	w.write(make([]byte, 3*pieceSize+1))
	if n := w.pieceCount(); n != 4 {
		t.Errorf("%d pieces for three and a byte", n)
	}
	if freed := w.trim(); freed != 4*pieceSize || w.limit() != 4*pieceSize {
		t.Errorf("%d bytes were given up, and %d are left", freed, w.limit())
	}
	got := make([]byte, 8*pieceSize)
	if n := w.read(got, 0); n != 3*pieceSize+1 {
		t.Errorf("%d bytes are left behind that", n)
	}
	if w.drop(); w.pieceCount() != 0 {
		t.Error("pieces are left")
	}
}
