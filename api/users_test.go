package api

import (
	"strings"
	"testing"
)

func TestPublishToUser(t *testing.T) {
	s := newSite(t, nil)
	for user, channel := range map[string]string{
		"ann":              "user:ann",
		"ann@example.com":  "user:ann=40example.com",
		"a%2Fb":            "user:a=2Fb",
		"100%25":           "user:100=25",
		"J%C3%BCrgen%20X":  "user:J=C3=BCrgen=20X",
		"%2E%2E":           "user:..",
		"a%2525":           "user:a=2525",
		"tenant:7;name=ok": "user:tenant=3A7=3Bname=3Dok",
	} {
		got := s.do(call{method: "POST", path: "/v1/users/" + user + "/messages", header: []string{"Content-Type: application/json"}, body: "1"})
		var p published
		got.into(t, &p)
		if got.status != 201 || string(p.Channel) != channel {
			t.Errorf("%s: %d %s, want %s", user, got.status, got.body, channel)
		}
	}
	for _, tt := range []struct {
		body   string
		status int
	}{{"1", 201}, {" 1", 200}, {"2", 422}, {strings.Repeat(" ", 256<<10) + "1", 413}} {
		got := s.do(call{method: "POST", path: "/v1/users/bob/messages", header: []string{"Content-Type: application/json", "Idempotency-Key: k"}, body: tt.body})
		if got.status != tt.status {
			t.Errorf("body of %d bytes: %d %s", len(tt.body), got.status, got.body)
		}
	}
	for user, code := range map[string]string{
		strings.Repeat("u", 129):     "bad_request",
		"%FF":                        "bad_request",
		strings.Repeat("%C3%BC", 64): "bad_channel",
	} {
		got := s.do(call{method: "POST", path: "/v1/users/" + user + "/messages", header: []string{"Content-Type: application/json"}, body: "1"})
		if got.status != 400 || got.code() != code {
			t.Errorf("%.20s: %d %s", user, got.status, got.body)
		}
	}
}
