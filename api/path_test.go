package api

import (
	"strings"
	"testing"
)

func TestPublishToBadChannels(t *testing.T) {
	s := newSite(t, nil)
	for _, name := range []string{"a%20b", "a%2Fb", "%3Aa", "a%252Fb", ".", "..", "%2E%2E", strings.Repeat("c", 201), "%00", "gr%C3%BC%C3%9Fe", "%FF", "*"} {
		got := s.do(call{method: "POST", path: "/v1/channels/" + name + "/messages", header: []string{"Content-Type: application/json"}, body: "1"})
		if got.status != 400 || got.code() != "bad_channel" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	got := s.do(call{method: "POST", path: "/v1/channels/orders%3A42/messages", header: []string{"Content-Type: application/json"}, body: "1"})
	if got.status != 201 || s.retained("orders:42") != 1 {
		t.Errorf("an escaped colon: %d %s", got.status, got.body)
	}
}
