package websocket

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

// maskBytewise is section 5.3 of RFC 6455 to the letter.
func maskBytewise(b []byte, key [4]byte, offset int) {
	for i := range b {
		b[i] ^= key[(offset+i)%4]
	}
}

// FuzzMask masks in pieces, at any alignment, and compares with the definition.
func FuzzMask(f *testing.F) {
	f.Add([]byte("Hello"), uint32(0x3d21fa37), uint(2), uint(0))
	f.Add(bytes.Repeat([]byte("0123456789"), 20), uint32(1), uint(33), uint(3))
	f.Fuzz(func(t *testing.T, p []byte, key uint32, cut, skip uint) {
		p = p[min(skip%9, uint(len(p))):]
		var wire [4]byte
		binary.LittleEndian.PutUint32(wire[:], key)
		want := bytes.Clone(p)
		maskBytewise(want, wire, 0)

		at := int(cut % uint(len(p)+1))
		rotated := mask(p[:at], key)
		rotated = mask(p[at:], rotated)
		if !bytes.Equal(p, want) {
			t.Fatalf("cut at %d: %x, want %x", at, p, want)
		}
		var next [1]byte
		mask(next[:], rotated)
		if next[0] != wire[len(p)%4] {
			t.Fatalf("the key goes on with %x, want %x", next[0], wire[len(p)%4])
		}
	})
}

func TestMaskEveryLength(t *testing.T) {
	wire := [4]byte{1, 2, 4, 8}
	for n := range 200 {
		got, want := make([]byte, n), make([]byte, n)
		mask(got, binary.LittleEndian.Uint32(wire[:]))
		maskBytewise(want, wire, 0)
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: %x", n, got)
		}
	}
}

func BenchmarkMask(b *testing.B) {
	for _, n := range []int{16, 125, 1024, 32 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := make([]byte, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				mask(p, 0x3d21fa37)
			}
		})
	}
}
