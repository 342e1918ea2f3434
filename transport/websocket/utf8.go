package websocket

import "unicode/utf8"

// utf8Check validates UTF-8 that arrives in pieces (RFC 3629, which RFC 6455, section 8.1, asks for). It remembers only
// what the next byte has to be, so that an impossible byte is told at once, even in the middle of a character.
//
// The zero value stands at a character boundary.
type utf8Check struct {
	need   uint8 // continuation bytes that are still to come
	lo, hi uint8 // range of the next one
}

// write checks the next piece and reports whether the text so far is a prefix of valid UTF-8.
func (u *utf8Check) write(p []byte) bool {
	for u.need > 0 {
		if len(p) == 0 {
			return true
		}
		if !u.step(p[0]) {
			return false
		}
		p = p[1:]
	}
	end := len(p)
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		if tail := p[len(p)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				end -= i
			}
			break
		}
	}
	if !utf8.Valid(p[:end]) {
		return false
	}
	for _, b := range p[end:] {
		if !u.step(b) {
			return false
		}
	}
	return true
}

// complete reports whether the text so far ends with a whole character.
func (u *utf8Check) complete() bool { return u.need == 0 }

// step takes one byte. The ranges are those of table 3-7 of the Unicode Standard: they exclude overlong forms,
// surrogates and code points above U+10FFFF at the second byte.
func (u *utf8Check) step(b byte) bool {
	if u.need > 0 {
		if b < u.lo || b > u.hi {
			return false
		}
		u.need--
		u.lo, u.hi = 0x80, 0xBF
		return true
	}
	u.lo, u.hi = 0x80, 0xBF
	switch {
	case b < 0x80:
	case b < 0xC2:
		return false
	case b < 0xE0:
		u.need = 1
	case b < 0xF0:
		u.need = 2
		if b == 0xE0 {
			u.lo = 0xA0
		} else if b == 0xED {
			u.hi = 0x9F
		}
	case b < 0xF5:
		u.need = 3
		if b == 0xF0 {
			u.lo = 0x90
		} else if b == 0xF4 {
			u.hi = 0x8F
		}
	default:
		return false
	}
	return true
}
