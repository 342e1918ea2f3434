package api

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestBrokerFailures(t *testing.T) {
	s := newSite(t, nil)
	for _, c := range backendCalls {
		if !c.asksBroker() {
			continue
		}
		for _, tt := range []struct {
			err    error
			status int
			code   string
			reads  string // what it is to someone who does not publish, if not the same
		}{
			{pubsub.ErrUnavailable, 503, "unavailable", ""},
			{pubsub.ErrOutcomeUnknown, 503, "outcome_unknown", "unavailable"},
			{pubsub.ErrClosed, 503, "draining", ""},
			{errUnexpected, 500, "internal", ""},
		} {
			s.broker.fail(tt.err)
			got := s.do(c)
			want := tt.code
			if tt.reads != "" && c.method == "GET" {
				want = tt.reads
			}
			if got.status != tt.status || got.code() != want || strings.Contains(got.body, "10.1.2.3") || strings.Contains(got.body, "hunter2") {
				t.Errorf("%s %s, %v: %d %s, want %d %s", c.method, c.path, tt.err, got.status, got.body, tt.status, want)
			}
		}
		if c.publishes() {
			s.broker.fail(pubsub.ErrNotReplicated)
			if got := s.do(c); got.status != 503 || got.code() != "not_replicated" {
				t.Errorf("%s %s: %d %s", c.method, c.path, got.status, got.body)
			}
		}
		s.broker.fail(nil)
	}
	if !strings.Contains(s.logged(), "hunter2") {
		t.Error("an error that nobody expected is not in the log")
	}
	for _, code := range []string{"unavailable", "outcome_unknown", "draining", "not_replicated"} {
		if n := s.counted()[code]; n != 2 {
			t.Errorf("%s was counted %d times", code, n)
		}
	}
}

func TestNotReplicated(t *testing.T) {
	s := newSite(t, nil)
	// The embedded broker has no replica.
	for _, path := range []string{"/v1/channels/a/messages", "/v1/users/ann/messages"} {
		got := s.do(call{method: "POST", path: path + "?durability=replicated", header: []string{"Content-Type: application/json"}, body: "1"})
		if got.status != 503 || got.code() != "not_replicated" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if n := s.retained("a"); n != 1 {
		t.Errorf("%d messages are stored", n)
	}
	got := s.do(call{method: "POST", path: "/v1/messages?durability=replicated", header: []string{"Content-Type: application/json"}, body: `{"messages":[{"channel":"a","data":1}]}`})
	if got.status != 200 || !strings.Contains(got.body, `"code":"not_replicated"`) {
		t.Errorf("batch: %d %s", got.status, got.body)
	}
}

func TestExplainUnmarshalable(t *testing.T) {
	s := &server{Options: Options{}.withDefaults()}
	w := httptest.NewRecorder()
	s.answer(w, httptest.NewRequest("GET", "/", nil), 200, func() {})
	if w.Code != 500 {
		t.Errorf("status %d", w.Code)
	}
}
