package websocket

import (
	"fmt"
	"strings"
)

const (
	kosme = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5" // Greek, eleven bytes
	hallo = "Hello-µ@ßöäüàá-UTF-8!!"
)

// rfcUTF8: text, told to be bad at its first bad byte.
func rfcUTF8(r *rfcRun) {
	good := func(id, want string, frames ...[]byte) {
		r.play(id, func(p *peer) {
			p.send(frames...)
			p.want("text:" + want)
			p.close()
		})
	}
	bad := func(id string, frames ...[]byte) {
		r.play(id, func(p *peer) {
			p.send(frames...)
			p.wantEnd("1007")
		})
	}
	good("6.1.1", "", textFrame(""))
	good("6.1.2", "", frame(1, false, 0, ""), frame(0, false, 0, ""), frame(0, true, 0, ""))
	good("6.1.3", "middle", frame(1, false, 0, ""), frame(0, false, 0, "middle"), frame(0, true, 0, ""))
	good("6.2.1", hallo, textFrame(hallo))
	cut := strings.Index(hallo, "ü")
	good("6.2.2", hallo, frame(1, false, 0, hallo[:cut]), frame(0, true, 0, hallo[cut:]))
	good("6.2.3", hallo, fragmented(1, 0, hallo, 1))
	good("6.2.4", kosme, fragmented(1, 0, kosme, 1))
	const surrogate = kosme + "\xed\xa0\x80" + "edited"
	bad("6.3.1", textFrame(surrogate))
	bad("6.3.2", fragmented(1, 0, surrogate, 1))

	// The end of the message is never sent: the server has to fail before. Bytes 11 to 14 are U+110000, which there is not;
	// byte 12 is the first that shows it.
	const beyond = kosme + "\xf4\x90\x80\x80" + "edited"
	for i, cut := range [][2]int{{11, 15}, {12, 13}} {
		r.play(fmt.Sprintf("6.4.%d", i+1), func(p *peer) {
			p.send(frame(1, false, 0, beyond[:cut[0]]), pingFrame("alive"))
			p.want("pong:alive")
			p.send(frame(0, false, 0, beyond[cut[0]:cut[1]]))
			p.wantEnd("1007")
		})
		r.play(fmt.Sprintf("6.4.%d", i+3), func(p *peer) {
			whole := textFrame(beyond)
			const header = 6
			p.send(whole[:header+cut[0]])
			p.quiet()
			p.send(whole[header+cut[0] : header+cut[1]])
			p.wantEnd("1007")
		})
	}

	for i, group := range utf8Sequences() {
		for j, s := range group {
			id := fmt.Sprintf("6.%d.%d", i+5, j+1)
			if s.valid {
				good(id, s.s, textFrame(s.s))
			} else {
				bad(id, textFrame(s.s))
			}
		}
	}
}

type utf8Sequence struct {
	valid bool
	s     string
}

// utf8Sequences are the groups of Markus Kuhn's UTF-8 stress test, as the TestSuite numbers them.
func utf8Sequences() (groups [][]utf8Sequence) {
	add := func(valid bool, sequences ...string) {
		var group []utf8Sequence
		for _, s := range sequences {
			group = append(group, utf8Sequence{valid, s})
		}
		groups = append(groups, group)
	}
	add(true, "hello$world", "hello¢world", "hello€world", "hello\U00024B62world", kosme)

	var prefixes []utf8Sequence
	whole := map[int]bool{2: true, 5: true, 7: true, 9: true, 11: true}
	for n := 1; n <= len(kosme); n++ {
		prefixes = append(prefixes, utf8Sequence{whole[n], kosme[:n]})
	}
	groups = append(groups, prefixes)

	add(true, "\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80")                  // first of each length
	add(false, "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80")                     // of 5 and 6 bytes
	add(true, "\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf")                  // last of each length
	add(false, "\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf") // beyond U+10FFFF
	add(true, "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf")      // around surrogates and the end
	groups[6] = append(groups[6], utf8Sequence{false, "\xf4\x90\x80\x80"})             // one beyond
	stray := []string{"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf"}
	add(false, append(stray, byteRange(0x80, 0xbe, ""))...) // unexpected continuation
	var lonely []string
	for _, r := range [][2]int{{0xc0, 0xde}, {0xe0, 0xee}, {0xf0, 0xf6}, {0xf8, 0xfa}, {0xfc, 0xfc}} {
		lonely = append(lonely, byteRange(r[0], r[1], " "))
	}
	add(false, lonely...)
	missing := []string{"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80",
		"\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf"}
	add(false, missing...) // the last continuation
	add(false, strings.Join(missing, ""))
	add(false, "\xfe", "\xff", "\xfe\xfe\xff\xff")
	add(false, "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf")             // overlong
	add(false, "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf")             // largest overlong
	add(false, "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80")             // overlong NUL
	add(false, "\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf") // surrogates
	var pairs []string
	for _, high := range []string{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf"} {
		pairs = append(pairs, high+"\xed\xb0\x80", high+"\xed\xbf\xbf")
	}
	add(false, pairs...)
	nonCharacters := []string{"\uFFFE", "\uFFFF"}
	for plane := rune(1); plane <= 16; plane++ {
		nonCharacters = append(nonCharacters, string(plane<<16|0xFFFE), string(plane<<16|0xFFFF))
	}
	add(true, nonCharacters...)
	add(true, "\uFFF9", "\uFFFA", "\uFFFB", "\uFFFC", "\uFFFD", "\uFFFE", "\uFFFF")
	return groups
}

// byteRange returns the bytes from first to last, each followed by sep.
func byteRange(first, last int, sep string) string {
	var b strings.Builder
	for c := first; c <= last; c++ {
		b.WriteByte(byte(c))
		b.WriteString(sep)
	}
	return b.String()
}
