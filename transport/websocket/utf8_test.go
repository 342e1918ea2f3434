package websocket

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// viable reports whether something can be appended to p that makes it valid UTF-8: it tries.
func viable(p string) bool {
	for _, second := range []string{"", "\x80", "\x8f", "\x90", "\x9f", "\xa0", "\xbf"} {
		for _, rest := range []string{"", "\x80", "\x80\x80"} {
			if utf8.ValidString(p + second + rest) {
				return true
			}
		}
	}
	return false
}

// FuzzUTF8 feeds text byte by byte and in two pieces: it has to fail exactly where nothing valid can follow any more.
func FuzzUTF8(f *testing.F) {
	for _, group := range utf8Sequences() {
		for _, s := range group {
			f.Add([]byte(s.s), uint(3))
		}
	}
	f.Fuzz(func(t *testing.T, p []byte, cut uint) {
		var bytewise utf8Check
		bad := -1
		for i := range p {
			if !bytewise.write(p[i : i+1]) {
				bad = i
				break
			}
		}
		want := -1
		for i := range p {
			if !viable(string(p[:i+1])) {
				want = i
				break
			}
		}
		if bad != want {
			t.Fatalf("%x: failed at byte %d, want %d", p, bad, want)
		}
		valid := utf8.Valid(p)
		if (bad < 0 && bytewise.complete()) != valid {
			t.Fatalf("%x: complete is %v, valid is %v", p, bytewise.complete(), valid)
		}
		var halves utf8Check
		at := int(cut % uint(len(p)+1))
		if got := halves.write(p[:at]) && halves.write(p[at:]); got != (bad < 0) || got && halves.complete() != valid {
			t.Fatalf("%x cut at %d: %v", p, at, got)
		}
	})
}

// TestUTF8EveryRune checks each code point, cut at each place.
func TestUTF8EveryRune(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		s := []byte(string(r))
		for cut := range len(s) + 1 {
			var u utf8Check
			if !u.write(s[:cut]) || u.complete() != (cut == 0 || cut == len(s)) || !u.write(s[cut:]) || !u.complete() {
				t.Fatalf("%U cut at %d", r, cut)
			}
		}
	}
}

func BenchmarkUTF8(b *testing.B) {
	for name, s := range map[string]string{"ascii": strings.Repeat("a", 4096), "greek": strings.Repeat(kosme, 370), "mixed": strings.Repeat("größer als ", 340)} {
		b.Run(name, func(b *testing.B) {
			p := []byte(s)
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				var u utf8Check
				if !u.write(p) {
					b.Fatal("invalid")
				}
			}
		})
	}
}
