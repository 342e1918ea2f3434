package websocket

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// noise returns bytes that do not compress.
func noise(n int) []byte {
	random := rand.New(rand.NewPCG(5, 6))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(random.Uint32())
	}
	return p
}

// samples are payloads that compress well, badly and not at all, and phrases that come again right at, and right beyond, the
// end of a window.
func samples(bits int) [][]byte {
	all := [][]byte{nil, []byte("a"), []byte("hello hello hello"), bytes.Repeat([]byte("ab"), 20_000), noise(300), noise(40_000)}
	for _, c := range corpora()[:3] {
		all = append(all, []byte(c.slice(0, 40_000)), []byte(c.slice(50_000, 1000)))
	}
	for _, gap := range []int{1<<bits - 40, 1<<bits - 20, 1 << bits, 1<<bits + 20} {
		phrase := []byte("a phrase that comes again")
		all = append(all, bytes.Join([][]byte{phrase, noise(gap), phrase}, nil))
	}
	return all
}

// TestDeflateKeepsToItsWindow: for each level and each number of bits, an independent decompressor with just that window
// understands one message after the other, with and without what came before.
func TestDeflateKeepsToItsWindow(t *testing.T) {
	for bits := minWindowBits; bits <= maxWindowBits; bits++ {
		payloads := samples(bits)
		for level := 1; level <= 9; level++ {
			if bits < maxWindowBits && level > 1 {
				continue
			}
			t.Run(fmt.Sprintf("bits %d level %d", bits, level), func(t *testing.T) {
				takeover := newDeflater(level, bits)
				var history []byte
				for i, p := range payloads {
					alone := newDeflater(level, bits)
					z := alone.append(nil, p)
					alone.release()
					got, err := naiveInflate(append(z, deflateTail...), nil, 1<<bits)
					if err != nil || !bytes.Equal(got, p) {
						t.Fatalf("sample %d of %d bytes: %v", i, len(p), err)
					}
					got, err = naiveInflate(append(takeover.append(nil, p), deflateTail...), history, 1<<bits)
					if err != nil || !bytes.Equal(got, p) {
						t.Fatalf("sample %d of %d bytes, with context: %v", i, len(p), err)
					}
					history = append(history, got...)
					history = history[max(0, len(history)-1<<bits):]
				}
			})
		}
	}
}

func TestDeflateEmptyMessage(t *testing.T) {
	d := newDeflater(1, 15)
	defer d.release()
	if z := d.append(nil, nil); string(z) != "\x00" {
		t.Errorf("%x", z) // RFC 7692, section 7.2.3.6
	}
}

// TestDeflatedFrame: one compression, many connections, and their own messages in between.
func TestDeflatedFrame(t *testing.T) {
	o := &DeflateOptions{Threshold: -1}
	text := []byte(strings.Repeat("the same for all ", 100))
	noise := noise(300)
	frames := [][]byte{AppendDeflatedFrame(nil, OpText, text, 0), AppendDeflatedFrame([]byte{}, OpBinary, noise, 9)}
	if len(frames[0]) > len(text)/5 || frames[0][0] != 0xc1 || frames[1][0] != 0x82 {
		t.Fatalf("%d bytes %x, %x", len(frames[0]), frames[0][0], frames[1][0])
	}
	for range 3 {
		cfg := Config{Deflate: deflateFor(t, o, o), Deflation: o}
		s, c := tcpPair(t, cfg, cfg)
		if !s.TakesDeflatedFrames() {
			t.Fatal("not taken")
		}
		for range 2 {
			if err := s.WriteFrames(frames...); err != nil {
				t.Fatal(err)
			}
			if err := s.WriteMessage(OpText, text); err != nil {
				t.Fatal(err)
			}
			for i, want := range [][]byte{text, noise, text} {
				if _, got, err := c.ReadMessage(within(t), nil); err != nil || !bytes.Equal(got, want) {
					t.Fatalf("message %d: %d bytes, %v", i, len(got), err)
				}
			}
		}
	}
}

func TestTakesDeflatedFrames(t *testing.T) {
	for _, c := range []struct {
		params *DeflateParams
		want   bool
	}{
		{nil, false},
		{&DeflateParams{ServerNoContextTakeover: true, ServerMaxWindowBits: 15}, true},
		{&DeflateParams{ServerNoContextTakeover: true, ServerMaxWindowBits: 14}, false},
		{&DeflateParams{ClientNoContextTakeover: true, ServerMaxWindowBits: 15}, false},
	} {
		conn := NewConn(&scripted{}, Config{Deflate: c.params})
		if got := conn.TakesDeflatedFrames(); got != c.want {
			t.Errorf("%+v: %v", c.params, got)
		}
		if _, on := conn.Deflated(); on != (c.params != nil) {
			t.Errorf("%+v: deflated is %v", c.params, on)
		}
	}
}

// TestThreshold: short messages go as they are, and so does what compression would make longer.
func TestThreshold(t *testing.T) {
	for _, c := range []struct {
		options *DeflateOptions
		payload []byte
		rsv1    bool
	}{
		{&DeflateOptions{}, bytes.Repeat([]byte("a"), 255), false},
		{&DeflateOptions{}, bytes.Repeat([]byte("a"), 256), true},
		{&DeflateOptions{Threshold: -1}, bytes.Repeat([]byte("a"), 130), true},
		{&DeflateOptions{Threshold: -1}, noise(300), false},
		{&DeflateOptions{Threshold: -1, ServerContextTakeover: true}, noise(300), true},
	} {
		nc := &scripted{}
		conn := NewConn(nc, Config{Deflate: deflateFor(t, c.options, c.options), Deflation: c.options})
		if err := conn.WriteMessage(OpBinary, c.payload); err != nil {
			t.Fatal(err)
		}
		if rsv1 := nc.wrote.Bytes()[0]&bitRSV1 != 0; rsv1 != c.rsv1 {
			t.Errorf("%+v, %d bytes: RSV1 is %v", c.options, len(c.payload), rsv1)
		}
	}
}

func BenchmarkAppendDeflatedFrame(b *testing.B) {
	payload := []byte(corpora()[0].slice(0, 1000))
	for _, level := range []int{1, 3, 5, 6, 9} {
		b.Run(fmt.Sprint(level), func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				dst = AppendDeflatedFrame(dst[:0], OpText, payload, level)
			}
			b.ReportMetric(float64(len(dst)), "wire-bytes")
		})
	}
}
