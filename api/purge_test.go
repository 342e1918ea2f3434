package api

import (
	"testing"
)

func TestPurge(t *testing.T) {
	s := newSite(t, nil)
	before := s.publish("a", "1")
	got := s.do(call{method: "DELETE", path: "/v1/channels/a/messages"})
	var answer struct{ Channel, Pos string }
	got.into(t, &answer)
	if got.status != 200 || answer.Channel != "a" || answer.Pos == "" || answer.Pos == before.Pos || s.retained("a") != 0 {
		t.Errorf("%d %s, %d messages left", got.status, got.body, s.retained("a"))
	}
	if now := s.history(""); now.Cursor != "a@"+answer.Pos {
		t.Errorf("the log stands at %s, the answer says %s", now.Cursor, answer.Pos)
	}
	for path, code := range map[string]string{"/v1/channels/a%20b/messages": "bad_channel", "/v1/channels/a/messages?all=1": "bad_request"} {
		if got := s.do(call{method: "DELETE", path: path}); got.status != 400 || got.code() != code {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}
