package websocket

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"testing"
)

// naiveInflate decompresses DEFLATE (RFC 1951) bit by bit, knowing only what stands in the RFC. It ends where the input ends
// at a block's end. history is what earlier messages were; maxDistance is how far back a copy may reach.
func naiveInflate(in, history []byte, maxDistance int) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("inflate: %v", r)
		}
	}()
	z := naiveBits{in: in}
	out = append(out, history...)
	for final := false; !final && z.left() >= 3; {
		final = z.bits(1) == 1
		switch z.bits(2) {
		case 0:
			z.align()
			n := z.bits(16)
			if z.bits(16) != n^0xffff {
				panic("stored length")
			}
			for range n {
				out = append(out, byte(z.bits(8)))
			}
		case 1:
			out = z.block(out, naiveFixedLiterals, naiveFixedDistances, maxDistance)
		case 2:
			literals, distances := z.tables()
			out = z.block(out, literals, distances, maxDistance)
		default:
			panic("block type")
		}
		if final {
			z.align()
			final = z.left() == 0
		}
	}
	return out[len(history):], nil
}

type naiveBits struct {
	in  []byte
	pos int // in bits
}

func (z *naiveBits) left() int { return len(z.in)*8 - z.pos }
func (z *naiveBits) align()    { z.pos = (z.pos + 7) &^ 7 }

func (z *naiveBits) bits(n int) (v int) {
	for i := range n {
		if z.pos >= len(z.in)*8 {
			panic("no more input")
		}
		v |= int(z.in[z.pos>>3]>>(z.pos&7)&1) << i
		z.pos++
	}
	return v
}

// naiveCode is a canonical Huffman code: how many codes each length has, and the symbols in order.
type naiveCode struct {
	count   [16]int
	symbols []int
}

func newNaiveCode(lengths []int) *naiveCode {
	c := &naiveCode{}
	for _, n := range lengths {
		c.count[n]++
	}
	c.count[0] = 0
	for n := 1; n < 16; n++ {
		for symbol, length := range lengths {
			if length == n {
				c.symbols = append(c.symbols, symbol)
			}
		}
	}
	return c
}

func (z *naiveBits) symbol(c *naiveCode) int {
	code, first, index := 0, 0, 0
	for n := 1; n < 16; n++ {
		code |= z.bits(1)
		if code-first < c.count[n] {
			return c.symbols[index+code-first]
		}
		index += c.count[n]
		first = (first + c.count[n]) << 1
		code <<= 1
	}
	panic("no such code")
}

var (
	naiveFixedLiterals, naiveFixedDistances = func() (*naiveCode, *naiveCode) {
		lengths := make([]int, 288)
		for i := range lengths {
			switch {
			case i < 144, i > 279:
				lengths[i] = 8
			case i < 256:
				lengths[i] = 9
			default:
				lengths[i] = 7
			}
		}
		return newNaiveCode(lengths), newNaiveCode(bytesToInts(bytes.Repeat([]byte{5}, 30)))
	}()
	naiveLengthBase    = []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	naiveLengthExtra   = bytesToInts([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01\x01\x02\x02\x02\x02\x03\x03\x03\x03\x04\x04\x04\x04\x05\x05\x05\x05\x00"))
	naiveDistanceBase  = []int{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	naiveDistanceExtra = []int{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

func bytesToInts(b []byte) (ints []int) {
	for _, v := range b {
		ints = append(ints, int(v))
	}
	return ints
}

// tables reads the codes of a dynamic block (RFC 1951, section 3.2.7).
func (z *naiveBits) tables() (literals, distances *naiveCode) {
	nl, nd, nc := z.bits(5)+257, z.bits(5)+1, z.bits(4)+4
	lengths := make([]int, 19)
	for _, i := range []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}[:nc] {
		lengths[i] = z.bits(3)
	}
	code := newNaiveCode(lengths)
	lengths = nil
	for len(lengths) < nl+nd {
		switch s := z.symbol(code); s {
		case 16:
			last := lengths[len(lengths)-1]
			for range 3 + z.bits(2) {
				lengths = append(lengths, last)
			}
		case 17:
			lengths = append(lengths, make([]int, 3+z.bits(3))...)
		case 18:
			lengths = append(lengths, make([]int, 11+z.bits(7))...)
		default:
			lengths = append(lengths, s)
		}
	}
	return newNaiveCode(lengths[:nl]), newNaiveCode(lengths[nl : nl+nd])
}

func (z *naiveBits) block(out []byte, literals, distances *naiveCode, maxDistance int) []byte {
	for {
		s := z.symbol(literals)
		switch {
		case s < 256:
			out = append(out, byte(s))
			continue
		case s == 256:
			return out
		}
		n := naiveLengthBase[s-257] + z.bits(naiveLengthExtra[s-257])
		d := z.symbol(distances)
		distance := naiveDistanceBase[d] + z.bits(naiveDistanceExtra[d])
		if distance > len(out) || distance > maxDistance {
			panic(fmt.Sprintf("distance %d", distance))
		}
		for range n {
			out = append(out, out[len(out)-distance])
		}
	}
}

// TestNaiveInflate checks the reference itself against the standard library.
func TestNaiveInflate(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for level := flate.HuffmanOnly; level <= 9; level++ {
		for _, size := range []int{0, 1, 100, 5000, 100_000} {
			p := make([]byte, size)
			for i := range p {
				p[i] = byte(random.IntN(1+i%7)) + 'a'
			}
			var z bytes.Buffer
			w, err := flate.NewWriter(&z, level)
			if err != nil {
				t.Fatal(err)
			}
			w.Write(p[:size/2])
			w.Flush()
			w.Write(p[size/2:])
			w.Close()
			got, err := naiveInflate(z.Bytes(), nil, 1<<15)
			if err != nil || !bytes.Equal(got, p) {
				t.Fatalf("level %d, %d bytes: %v, %d bytes", level, size, err, len(got))
			}
		}
	}
}
