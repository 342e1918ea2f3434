package api

import (
	"strings"
	"testing"
)

func TestUnknownPathsAndMethods(t *testing.T) {
	s := newSite(t, nil)
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 404, ""},
		{"GET", "/v2/messages", 404, ""},
		{"GET", "/v1/channels/a/b/messages", 404, ""},
		{"GET", "/v1/channels/", 404, ""},
		{"POST", "/v1/tokens/revoke", 404, ""},
		{"BREW", "/v1/nothing", 404, ""},
		{"GET", "/v1/messages", 405, "POST"},
		{"BREW", "/v1/messages", 405, "POST"},
		{"PUT", "/v1/channels/a/messages", 405, "GET, POST, DELETE"},
		{"OPTIONS", "/v1/channels/a%20b/messages", 405, "GET, POST, DELETE"},
		{"POST", "/healthz", 405, "GET, HEAD"},
		{"HEAD", "/v1/channels", 405, "GET"},
		{"DELETE", "/v1/poll", 405, "GET, POST, OPTIONS"},
	} {
		got := s.do(call{method: tt.method, path: tt.path})
		if got.status != tt.status || got.header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow %q: %s", tt.method, tt.path, got.status, got.header.Get("Allow"), got.body)
		}
		want := map[int]string{404: "not_found", 405: "method_not_allowed"}[tt.status]
		if tt.method != "HEAD" && got.code() != want {
			t.Errorf("%s %s: %s", tt.method, tt.path, got.body)
		}
	}
	if got := s.do(call{method: "PUT", path: "/v1/poll", header: []string{"Origin: https://evil.example"}}); got.code() != "origin" {
		t.Errorf("a foreign page: %d %s", got.status, got.body)
	}
	for _, path := range clientPaths {
		got := s.do(call{method: "OPTIONS", path: path})
		if got.status != 204 || !strings.Contains(got.header.Get("Allow"), "OPTIONS") {
			t.Errorf("OPTIONS %s: %d, Allow %q", path, got.status, got.header.Get("Allow"))
		}
	}
}
