package websocket

import (
	"net/http"
	"strings"
)

// isToken reports whether s is a token (RFC 9110, section 5.6.2).
func isToken(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return c > ' ' && c < 0x7f && strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// tokens returns the elements of a list of tokens that may be spread over several header lines (RFC 9110, section 5.6.1,
// which lets empty elements pass). ok is false when something else stands in it.
func tokens(h http.Header, name string) (list []string, ok bool) {
	for _, line := range h[name] {
		for element := range strings.SplitSeq(line, ",") {
			element = strings.Trim(element, " \t")
			if element == "" {
				continue
			}
			if !isToken(element) {
				return nil, false
			}
			list = append(list, element)
		}
	}
	return list, true
}

// hasToken reports whether a list in the header contains token, in any case. Elements that are no tokens, like "h2c/1",
// are passed over: Upgrade and Connection belong to others as well.
func hasToken(h http.Header, name, token string) bool {
	for _, line := range h[name] {
		for element := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(element, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// extension is one element of Sec-WebSocket-Extensions (RFC 6455, section 9.1).
type extension struct {
	name   string
	params []parameter
}

type parameter struct {
	name, value string
	hasValue    bool
}

// maxExtensions bounds the elements and the parameters of each that are looked at. More is malformed.
const maxExtensions = 64

// extensions parses all Sec-WebSocket-Extensions lines. ok is false when they do not follow the grammar:
//
//	extension-list = 1#extension
//	extension = token *( ";" token [ "=" ( token | quoted-string ) ] )
func extensions(h http.Header) (list []extension, ok bool) {
	for _, line := range h[headerExtensions] {
		s := scanner{line}
		for {
			s.space()
			if s.rest == "" {
				break
			}
			if s.skip(',') {
				continue
			}
			e, ok := s.extension()
			if !ok || len(list) == maxExtensions {
				return nil, false
			}
			list = append(list, e)
			s.space()
			if s.rest != "" && !s.skip(',') {
				return nil, false
			}
		}
	}
	return list, true
}

// scanner takes a header value apart from the left.
type scanner struct{ rest string }

func (s *scanner) space() { s.rest = strings.TrimLeft(s.rest, " \t") }

func (s *scanner) skip(c byte) bool {
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) token() (string, bool) {
	n := 0
	for n < len(s.rest) && isTokenByte(s.rest[n]) {
		n++
	}
	t := s.rest[:n]
	s.rest = s.rest[n:]
	return t, n > 0
}

func (s *scanner) extension() (e extension, ok bool) {
	if e.name, ok = s.token(); !ok {
		return e, false
	}
	for {
		s.space()
		if !s.skip(';') {
			return e, true
		}
		s.space()
		var p parameter
		if p.name, ok = s.token(); !ok || len(e.params) == maxExtensions {
			return e, false
		}
		s.space()
		if s.skip('=') {
			s.space()
			p.hasValue = true
			if p.value, ok = s.value(); !ok {
				return e, false
			}
		}
		e.params = append(e.params, p)
	}
}

// value takes a token or a quoted string; what is quoted must be a token too (RFC 6455, section 9.1).
func (s *scanner) value() (string, bool) {
	if !s.skip('"') {
		return s.token()
	}
	var unquoted []byte
	for s.rest != "" {
		c := s.rest[0]
		s.rest = s.rest[1:]
		switch {
		case c == '"':
			return string(unquoted), isToken(string(unquoted))
		case c == '\\' && s.rest != "":
			c, s.rest = s.rest[0], s.rest[1:]
		}
		unquoted = append(unquoted, c)
	}
	return "", false
}
