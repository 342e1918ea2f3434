package relay

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
)

var datagrams = []datagram{
	{kind: kindWant, nonce: 7, from: 5, until: 1 << 40, cuts: 3, again: true, rest: []byte("instance")},
	{kind: kindWant, nonce: 7},
	{kind: kindLeave, nonce: 1<<64 - 1},
	{kind: kindPiece, from: 99, rest: []byte("bytes")},
	{kind: kindPiece, from: 99},
	{kind: kindEnd, from: 12, state: Complete},
	{kind: kindEnd, from: 12, state: Broken, rest: []byte("sender")},
	{kind: kindGone, from: 4 << 20},
	{kind: kindNone},
}

func TestDatagrams(t *testing.T) {
	for _, want := range datagrams {
		want.id = uuid.New()
		b := want.appendTo(nil)
		got, ok := parseDatagram(b)
		if !ok || !bytes.Equal(got.appendTo(nil), b) || got.kind != want.kind || got.id != want.id || got.nonce != want.nonce || got.from != want.from || !bytes.Equal(got.rest, want.rest) {
			t.Errorf("%+v came back as %+v, %v", want, got, ok)
		}
		head := datagramHead
		switch want.kind {
		case kindWant:
			head += 25
		case kindPiece, kindGone:
			head += 8
		case kindEnd:
			head += 9
		}
		for n := range head {
			if _, ok := parseDatagram(b[:n]); ok {
				t.Errorf("%d bytes of %c are taken for all %d", n, want.kind, head)
			}
		}
		b[0]++
		if _, ok := parseDatagram(b); ok {
			t.Errorf("another version of %c is taken for this one", want.kind)
		}
	}
}

// FuzzDatagrams has a relay, with a stream that is sent and one that is mirrored, receive
// whatever may stand in its topic. It must go on, within its bounds.
func FuzzDatagrams(f *testing.F) {
	for _, d := range datagrams {
		f.Add(d.appendTo(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, ok := parseDatagram(b)
		if ok && !bytes.Equal(d.appendTo(nil)[:datagramHead], b[:datagramHead]) {
			t.Fatalf("%x is read as %+v", b, d)
		}
		r := New(Options{Exchange: silence{}, Window: 2 * pieceSize})
		defer r.Close()
		w, err := r.Send(t.Context(), Info{Channel: "a", Size: -1}, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(t.Context(), []byte("hello")); err != nil {
			t.Fatal(err)
		}
		other := uuid.New()
		c, err := r.Join(other, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		nonce := r.mirrors[other][0].nonce
		r.mu.Unlock()
		r.receive(b)
		if !ok {
			return
		}
		// As from those that it knows.
		for range 2 {
			d.id, d.nonce = w.ID(), 1
			r.receive(d.appendTo(nil))
			d.id, d.nonce = other, nonce
			r.receive(d.appendTo(nil))
		}
		buf := make([]byte, 4*pieceSize)
		if n, offset, _ := c.Take(buf); n > pieceSize || n > 0 && offset != 0 {
			t.Fatalf("%d bytes at %d", n, offset)
		}
		if err := w.Write(t.Context(), []byte("more")); err != nil {
			t.Fatal(err)
		}
	})
}
