package api

import (
	"strings"
	"testing"
)

func TestAccessLog(t *testing.T) {
	s := newSite(t, nil)
	s.do(call{method: "GET", path: "/v1/channels/private-name/messages?since=0&limit=7"})
	s.do(call{method: "GET", path: "/nothing?token=secret-token"})
	log := s.logged()
	if !strings.Contains(log, "method=GET route=/v1/channels/{channel}/messages status=200") || !strings.Contains(log, "request_id=") {
		t.Errorf("the log:\n%s", log)
	}
	for _, hidden := range []string{"private-name", "limit=7", "secret-token", apiKey} {
		if strings.Contains(log, hidden) {
			t.Errorf("%q stands in the log:\n%s", hidden, log)
		}
	}
}
