package wire

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and objects of a payload may nest. Parsers in browsers and
// backends recurse, so what goes to all of them is bounded where it enters.
const MaxDepth = 64

// A SyntaxError says where and why a text is not JSON that is taken.
type SyntaxError struct {
	Offset int // bytes in front of the fault
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("bad JSON at byte %d: %s", e.Offset, e.Reason)
}

// CheckJSON reports, as a [*SyntaxError], why data is not exactly one JSON text
// (RFC 8259) in valid UTF-8 whose arrays and objects nest at most maxDepth deep. It does
// not allocate unless it fails.
func CheckJSON(data []byte, maxDepth int) error {
	s := scanner{data: data, depth: maxDepth}
	return s.text()
}

// EachMember checks data as [CheckJSON] does, and shows the members of the object that it is:
// the name unquoted, the value as it stands. It reports false when data is something else. What
// is wrong behind a member is found when that was shown already. Both are only lent.
func EachMember(data []byte, maxDepth int, visit func(name, value []byte)) (object bool, err error) {
	s := scanner{data: data, depth: maxDepth}
	if s.skip(); s.pos == len(data) || data[s.pos] != '{' {
		return false, s.text()
	}
	if err := s.object(visit); err != nil {
		return true, err
	}
	return true, s.end()
}

// AppendCompact checks src as [CheckJSON] does and appends it without the white space
// between its tokens. Strings and numbers stay as they are, digit for digit. dst may be
// src[:0]; after an error its bytes are undefined.
func AppendCompact(dst, src []byte, maxDepth int) ([]byte, error) {
	s := scanner{data: src, depth: maxDepth}
	if err := s.text(); err != nil {
		return dst, err
	}
	if s.spaces == 0 {
		return append(dst, src...), nil
	}
	return appendStripped(dst, src), nil
}

// appendStripped appends valid JSON without the white space outside its strings.
func appendStripped(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		start := i
		for i < len(src) && !space(src[i]) {
			if src[i] == '"' {
				i += quoted(src[i:])
			} else {
				i++
			}
		}
		dst = append(dst, src[start:i]...)
		for i < len(src) && space(src[i]) {
			i++
		}
	}
	return dst
}

// quoted returns the length of the string that valid JSON begins with.
func quoted(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
}

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// A scanner walks over one JSON text and checks it on the way.
type scanner struct {
	data   []byte
	pos    int
	depth  int // containers that may still be opened
	spaces int // bytes of white space passed
}

func (s *scanner) fail(reason string) error { return &SyntaxError{s.pos, reason} }

func (s *scanner) text() error {
	s.skip()
	if err := s.value(); err != nil {
		return err
	}
	return s.end()
}

func (s *scanner) end() error {
	if s.skip(); s.pos < len(s.data) {
		return s.fail("something follows the value")
	}
	return nil
}

func (s *scanner) skip() {
	for s.pos < len(s.data) && space(s.data[s.pos]) {
		s.pos++
		s.spaces++
	}
}

func (s *scanner) take(c byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) value() error {
	if s.pos == len(s.data) {
		return s.fail("it ends where a value is expected")
	}
	switch s.data[s.pos] {
	case '{':
		return s.object(nil)
	case '[':
		return s.array(nil)
	case '"':
		return s.string()
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.number()
}

func (s *scanner) literal(word string) error {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		return s.fail("a value is expected")
	}
	s.pos += len(word)
	return nil
}

// enter opens an array or object and reports whether it is empty and already closed.
func (s *scanner) enter(end byte) (empty bool, err error) {
	if s.depth == 0 {
		return false, s.fail("arrays and objects nest too deep")
	}
	s.pos++
	if s.skip(); s.take(end) {
		return true, nil
	}
	s.depth--
	return false, nil
}

// object passes over an object and shows its members, if visit is not nil: the name
// unquoted, the value as it stands. More may be wrong behind a member that was shown.
func (s *scanner) object(visit func(name, value []byte)) error {
	empty, err := s.enter('}')
	if empty || err != nil {
		return err
	}
	for {
		if s.pos == len(s.data) || s.data[s.pos] != '"' {
			return s.fail("the quoted name of a member is expected")
		}
		start := s.pos
		if err := s.string(); err != nil {
			return err
		}
		name := s.data[start:s.pos]
		if s.skip(); !s.take(':') {
			return s.fail("a colon is expected")
		}
		s.skip()
		start = s.pos
		if err := s.value(); err != nil {
			return err
		}
		if visit != nil {
			visit(unquoteName(name), s.data[start:s.pos])
		}
		if s.skip(); s.take(',') {
			s.skip()
			continue
		}
		if !s.take('}') {
			return s.fail("a comma or } is expected")
		}
		s.depth++
		return nil
	}
}

// array is object for arrays.
func (s *scanner) array(visit func(value []byte)) error {
	empty, err := s.enter(']')
	if empty || err != nil {
		return err
	}
	for {
		start := s.pos
		if err := s.value(); err != nil {
			return err
		}
		if visit != nil {
			visit(s.data[start:s.pos])
		}
		if s.skip(); s.take(',') {
			s.skip()
			continue
		}
		if !s.take(']') {
			return s.fail("a comma or ] is expected")
		}
		s.depth++
		return nil
	}
}

// plain holds the bytes that stand for themselves within a string.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

func (s *scanner) string() error {
	for s.pos++; s.pos < len(s.data); {
		c := s.data[s.pos]
		switch {
		case plain[c]:
			s.pos++
		case c == '"':
			s.pos++
			return nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		case c < ' ':
			return s.fail("a control character in a string must be escaped")
		default:
			// https://www.rfc-editor.org/rfc/rfc8259#section-8.1
			r, size := utf8.DecodeRune(s.data[s.pos:])
			if r == utf8.RuneError && size == 1 {
				return s.fail("it is not UTF-8")
			}
			s.pos += size
		}
	}
	return s.fail("it ends within a string")
}

// escape passes over a backslash and what belongs to it. A lone surrogate (RFC 8259,
// section 8.2) is let through: the text is given on as it came.
func (s *scanner) escape() error {
	rest := s.data[s.pos+1:]
	if len(rest) > 0 {
		switch rest[0] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			s.pos += 2
			return nil
		case 'u':
			if len(rest) >= 5 && hexDigit(rest[1]) && hexDigit(rest[2]) && hexDigit(rest[3]) && hexDigit(rest[4]) {
				s.pos += 6
				return nil
			}
		}
	}
	return s.fail("no such escape")
}

func hexDigit(c byte) bool {
	return digit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

func (s *scanner) number() error {
	start := s.pos
	s.take('-')
	// https://www.rfc-editor.org/rfc/rfc8259#section-6: no leading zeros
	if !s.take('0') && !s.digits() {
		s.pos = start
		return s.fail("a value is expected")
	}
	if s.take('.') && !s.digits() {
		return s.fail("a digit is expected")
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return s.fail("a digit is expected")
		}
	}
	return nil
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && digit(s.data[s.pos]) {
		s.pos++
	}
	return s.pos > start
}
