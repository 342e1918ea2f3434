package websocket

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClosePayload(t *testing.T) {
	for _, c := range []struct {
		code   StatusCode
		reason string
		want   string
	}{
		{1000, "", "\x03\xe8"},
		{1001, "bye", "\x03\xe9bye"},
		{1005, "ignored", ""},
		{1006, "not for the wire", "\x03\xf3not for the wire"},
		{4999, "ä", "\x13\x87ä"},
		{1000, strings.Repeat("*", 200), "\x03\xe8" + strings.Repeat("*", 123)},
		{1000, strings.Repeat("ä", 100), "\x03\xe8" + strings.Repeat("ä", 61)},
	} {
		if got := AppendClosePayload(nil, c.code, c.reason); string(got) != c.want {
			t.Errorf("%d %.10q: %q, want %q", c.code, c.reason, got, c.want)
		}
	}
}

func TestSendable(t *testing.T) {
	allowed := map[StatusCode]bool{1000: true, 1001: true, 1002: true, 1003: true}
	for code := StatusCode(1007); code <= 1014; code++ {
		allowed[code] = true
	}
	for code := range StatusCode(65535) {
		want := allowed[code] || code >= 3000 && code < 5000
		if code.sendable() != want {
			t.Errorf("%d: %v", code, !want)
		}
	}
}

// FuzzParseClose wants each payload either refused, or understood and written again the same.
func FuzzParseClose(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("\x03"))
	f.Add([]byte("\x03\xe8bye"))
	f.Add([]byte("\x03\xe8\xff"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) > maxControl {
			return
		}
		code, reason, err := parseClose(p)
		valid := len(p) == 0 || len(p) > 1 && StatusCode(int(p[0])<<8|int(p[1])).sendable() && utf8.Valid(p[2:])
		if (err == nil) != valid {
			t.Fatalf("%x: %v", p, err)
		}
		if err == nil && string(AppendClosePayload(nil, code, string(reason))) != string(p) {
			t.Fatalf("%x became %d %q", p, code, reason)
		}
	})
}

func TestCloseStatus(t *testing.T) {
	for want, err := range map[StatusCode]error{
		4001:                  fmt.Errorf("wrapped: %w", &CloseError{Code: 4001}),
		StatusMessageTooBig:   errMessageTooBig,
		StatusAbnormalClosure: io.ErrUnexpectedEOF,
	} {
		if got := CloseStatus(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
	var broken *ProtocolError
	if !errors.As(error(errUTF8), &broken) || broken.Error() != "websocket: invalid UTF-8 (1007)" {
		t.Error(broken)
	}
	if got := (&CloseError{Code: 1001, Reason: "bye"}).Error(); got != `websocket: closed by the peer: 1001 "bye"` {
		t.Error(got)
	}
}
