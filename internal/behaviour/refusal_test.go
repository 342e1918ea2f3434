package behaviour

import (
	"errors"
	"testing"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A refusal is how a client is not let in: over HTTP by status and code, on a WebSocket by
// an error with the code, and then a close code.
type refusal struct {
	status int
	close  wire.CloseCode // 0: the connection lives on
	code   string
}

// refuses checks that a client is not let in.
func (s *server) refuses(t *testing.T, transport raw.Transport, o raw.Options, want refusal) {
	t.Helper()
	opened, err := s.open(transport, o)
	if transport != raw.WebSocket {
		want.isOf(t, err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer opened.CloseNow()
	l := &line{t: t, Line: opened, note: true}
	e := l.event()
	if e.Type == raw.Welcome && want.close == wire.CloseUnavailable {
		e = l.event() // it is let in as who it is, and then its channels are missing
	}
	if e.Type != raw.Failed || e.Code != want.code {
		t.Errorf("%s came (%s), want the error %s", e.Type, e.Code, want.code)
	}
	if want.close != 0 {
		closedWithCode(t, l.ended(), want.close)
	}
}

// isOf checks that a request was refused.
func (want refusal) isOf(t *testing.T, err error) *raw.Refused {
	t.Helper()
	got := new(raw.Refused)
	if !errors.As(err, &got) || got.Status != want.status || got.Code != want.code {
		t.Errorf("%v, want it refused with %d %s", err, want.status, want.code)
	}
	return got
}

// closedWithCode checks how the server ended a line.
func closedWithCode(t *testing.T, err error, code wire.CloseCode) *raw.CloseError {
	t.Helper()
	got := new(raw.CloseError)
	if !errors.As(err, &got) || got.Code != code {
		t.Errorf("the line ended: %v, want close code %d", err, code)
	}
	return got
}
