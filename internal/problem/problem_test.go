package problem

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWrite(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("X-Request-Id", "r1")
	w.Header().Set("Content-Encoding", "gzip")
	Write(w, New(Unavailable, "try <later> & again").In("orders:42").After(1500*time.Millisecond))

	want := `{"type":"https://github.com/wsbridge/wsbridge/blob/main/docs/protocol.md#unavailable",` +
		`"title":"Broker unavailable","status":503,"code":"unavailable","detail":"try <later> & again",` +
		`"channel":"orders:42","request_id":"r1"}` + "\n"
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", w.Code)
	}
	for name, want := range map[string]string{
		"Content-Type":     "application/problem+json",
		"Cache-Control":    "no-store",
		"Retry-After":      "2",
		"Content-Encoding": "",
		"Www-Authenticate": "",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestWriteChallenge(t *testing.T) {
	for code, want := range map[Code]string{
		Unauthorized: `Bearer realm="wsbridge"`,
		TokenInvalid: `Bearer realm="wsbridge", error="invalid_token"`,
		TokenExpired: `Bearer realm="wsbridge", error="invalid_token"`,
		Forbidden:    "",
	} {
		w := httptest.NewRecorder()
		Write(w, New(code, ""))
		if got := w.Header().Get("WWW-Authenticate"); got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
		if got := w.Header().Get("Retry-After"); got != "" {
			t.Errorf("%s: Retry-After %q", code, got)
		}
	}
}

func TestNew(t *testing.T) {
	if got := New(Forbidden, "").Detail; got != defined[Forbidden].Meaning {
		t.Errorf("detail without format: %q", got)
	}
	if got := New(TooLarge, "%d bytes", 7).Error(); got != "too_large: 7 bytes" {
		t.Errorf("error text: %q", got)
	}
	if got := New("no_such_code", "secret"); got.Code != Internal || got.Status != 500 || got.Detail != defined[Internal].Meaning {
		t.Errorf("unknown code: %+v", got)
	}
}

func TestMarshalWithin(t *testing.T) {
	got, err := json.Marshal(map[string]any{"error": New(NotTried, "x").In("a")})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"error":{"type":"https://github.com/wsbridge/wsbridge/blob/main/docs/protocol.md#not_tried",` +
		`"title":"Not tried","status":503,"code":"not_tried","detail":"x","channel":"a"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
