package websocket

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestInflateExamples are those of RFC 7692, section 7.2.3.
func TestInflateExamples(t *testing.T) {
	takeover := &Inflater{Takeover: true}
	for _, c := range []struct {
		name     string
		inflater *Inflater
		in, want string
	}{
		{"one block", &Inflater{}, "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello"},
		{"first with context", takeover, "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello"},
		{"second with context", takeover, "\xf2\x00\x11\x00\x00", "Hello"},
		{"stored block", &Inflater{}, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", "Hello"},
		{"final block", &Inflater{}, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello"},
		{"two blocks", &Inflater{}, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello"},
		{"empty", &Inflater{}, "\x00", ""},
		{"nothing at all", &Inflater{}, "", ""},
		// Beyond the examples: final blocks one behind the other, and one that ends the message without an empty block.
		{"two final blocks", &Inflater{}, "\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "HelloHello"},
		{"bare final block", &Inflater{}, "\xf3\x48\xcd\xc9\xc9\x07\x00", "Hello"},
	} {
		got, err := c.inflater.Append([]byte("> "), OpText, []byte(c.in), 1000)
		if err != nil || string(got) != "> "+c.want {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func TestInflateRefuses(t *testing.T) {
	deflated := func(p string) []byte {
		d := newDeflater(1, 15)
		defer d.release()
		return d.append(nil, []byte(p))
	}
	bomb := deflated(strings.Repeat("\x00", 10<<20))
	for _, c := range []struct {
		name  string
		in    []byte
		limit int64
		want  error
	}{
		{"reserved block type", []byte("\x07"), 1000, errDeflateData},
		{"bad stored length", []byte("\x00\x05\x00\x00\x00hello"), 1000, errDeflateData},
		{"reference before the start", []byte("\xf2\x00\x11\x00\x00"), 1000, errDeflateData},
		{"cut short", deflated(strings.Repeat("hello ", 100))[:5], 1000, errDeflateData},
		{"bomb", bomb, 1 << 20, errMessageTooBig},
		{"one byte too long", deflated("hello"), 4, errMessageTooBig},
		{"bad text", deflated("caf\xe9"), 1000, errUTF8},
		{"text ends early", deflated("caf\xc3"), 1000, errUTF8},
		{"endless final blocks", bytes.Repeat([]byte("\x03\x00"), 2000), 1000, errDeflateData},
	} {
		got, err := (&Inflater{}).Append(nil, OpText, c.in, c.limit)
		if err != c.want {
			t.Errorf("%s: %.20q, %v", c.name, got, err)
		}
		if cap(got) > 4<<20 {
			t.Errorf("%s: took %d bytes", c.name, cap(got))
		}
	}
	if len(bomb) > 20_000 {
		t.Errorf("the bomb has %d bytes", len(bomb))
	}
}

// TestInflateTextFailsAtOnce: the bad byte of a compressed message shows as soon as what was flushed can be read, long before
// the message ends.
func TestInflateTextFailsAtOnce(t *testing.T) {
	o := &DeflateOptions{}
	cfg := Config{Deflate: deflateFor(t, o, o), Deflation: o}
	s, c := tcpPair(t, cfg, cfg)
	w, err := c.Writer(OpText)
	if err != nil {
		t.Fatal(err)
	}
	w.Write([]byte("good"))
	w.Flush()
	_, r, err := s.Next(within(t))
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100)
	if n, err := r.Read(p); string(p[:n]) != "good" || err != nil {
		t.Fatal(n, err)
	}
	go c.Next(context.Background())
	w.Write([]byte("bad\xff"))
	w.Flush()
	if n, err := r.Read(p); err != error(errUTF8) {
		t.Fatalf("%q, %v", p[:n], err)
	}
	<-c.Done()
	if CloseStatus(c.Err()) != StatusInvalidPayload {
		t.Error(c.Err())
	}
	w.Close()
}

// TestInflateFragments: RSV1 on the first fragment only, plain messages between compressed ones, control frames inside.
func TestInflateFragments(t *testing.T) {
	o := &DeflateOptions{ServerContextTakeover: true, ClientContextTakeover: true}
	d := newDeflater(1, 15)
	var in []byte
	for _, message := range []string{"one message", "one message more", ""} {
		z := string(d.append(nil, []byte(message)))
		const rsv1 = 4
		in = append(in, frame(1, false, rsv1, z[:1])...)
		in = append(in, pingFrame("inside")...)
		in = append(in, fragmented(0, 0, z[1:], 2)...)
		in = append(in, textFrame("plain")...)
	}
	nc := &scripted{pieces: [][]byte{in}}
	c := NewConn(nc, Config{Deflate: deflateFor(t, o, o)})
	for _, want := range []string{"one message", "plain", "one message more", "plain", "", "plain"} {
		if _, got, err := c.ReadMessage(t.Context(), nil); err != nil || string(got) != want {
			t.Fatalf("%q, %v, want %q", got, err, want)
		}
	}
	if got := strings.Count(nc.wrote.String(), "\x8a\x06inside"); got != 3 {
		t.Errorf("%d pongs", got)
	}
}

// TestDiscardKeepsTheWindow: a message that was not read still counts for those that refer to it.
func TestDiscardKeepsTheWindow(t *testing.T) {
	o := &DeflateOptions{ServerContextTakeover: true, ClientContextTakeover: true, Threshold: -1}
	cfg := Config{Deflate: deflateFor(t, o, o), Deflation: o}
	s, c := tcpPair(t, cfg, cfg)
	text := strings.Repeat("what was said before ", 20)
	for range 3 {
		if err := c.WriteMessage(OpText, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		_, r, err := s.Next(within(t))
		if err != nil {
			t.Fatal(err)
		}
		r.Read(make([]byte, 3))
	}
	if _, got, err := s.ReadMessage(within(t), nil); err != nil || string(got) != text {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestWindow(t *testing.T) {
	w := window{size: 5}
	for _, c := range []struct{ add, want string }{
		{"ab", "ab"}, {"cd", "abcd"}, {"efg", "cdefg"}, {"h", "defgh"}, {"", "defgh"}, {"ijklm", "ijklm"}, {"nopqrstu", "qrstu"},
	} {
		if w.write([]byte(c.add)); string(w.b) != c.want {
			t.Errorf("%q: %q, want %q", c.add, w.b, c.want)
		}
	}
}

// FuzzDeflateInflate wants each payload back, through any number of bits, with the message before it in the window or not.
func FuzzDeflateInflate(f *testing.F) {
	f.Add([]byte("hello"), []byte("hello again"), uint(15), true)
	f.Add(bytes.Repeat([]byte("ab"), 3000), bytes.Repeat([]byte("ba"), 3000), uint(8), false)
	f.Fuzz(func(t *testing.T, first, second []byte, bits uint, takeover bool) {
		b := minWindowBits + int(bits%8)
		d := newDeflater(1, b)
		in := &Inflater{Takeover: takeover, WindowBits: b}
		for _, p := range [][]byte{first, second} {
			z := d.append(nil, p)
			got, err := in.Append(nil, OpBinary, z, int64(len(p)))
			if err != nil || !bytes.Equal(got, p) {
				t.Fatalf("%d bytes became %d: %v", len(p), len(got), err)
			}
			_, err = in.Append(nil, OpText, d.append(nil, nil), 0)
			if err != nil {
				t.Fatal(err)
			}
			if !takeover {
				d.release()
				d = newDeflater(1, b)
			}
		}
		d.release()
	})
}

// FuzzInflate gives garbage: no panic, never more than the limit, only errors of the protocol, and where the standard library
// understands it, the same.
func FuzzInflate(f *testing.F) {
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), uint16(100))
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), uint16(3))
	f.Add([]byte("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), uint16(5))
	f.Fuzz(func(t *testing.T, p []byte, limit uint16) {
		got, err := (&Inflater{}).Append(nil, OpText, p, int64(limit))
		if len(got) > int(limit) {
			t.Fatalf("%d bytes, limit %d", len(got), limit)
		}
		var broken *ProtocolError
		if err != nil && !errors.As(err, &broken) {
			t.Fatal(err)
		}
		in := bytes.NewReader(append(bytes.Clone(p), inflateTail...))
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(in), int64(limit)+1))
		if wantErr != nil || in.Len() > 0 || len(want) > int(limit) || !utf8.Valid(want) {
			return
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%x: %q, %v, want %q", p, got, err, want)
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	payload := []byte(corpora()[0].slice(0, 1000))
	for name, takeover := range map[string]bool{"takeover": true, "no-takeover": false} {
		b.Run(name, func(b *testing.B) {
			d := newDeflater(1, 15)
			z := d.append(nil, payload)
			in := &Inflater{Takeover: takeover}
			var dst []byte
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = in.Append(dst[:0], OpText, z, 1<<20); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
