package api

import (
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/internal/requestid"
)

func TestRequestIDs(t *testing.T) {
	s := newSite(t, nil)
	for sent, kept := range map[string]bool{
		"abc-123_4.5:6/7=8+9@z": true, strings.Repeat("i", 128): true,
		"": false, "a b": false, "ä": false, `a"b`: false, strings.Repeat("i", 129): false,
	} {
		for path, status := range map[string]int{"/healthz": 200, "/nothing": 404} {
			got := s.do(call{method: "GET", path: path, header: []string{"X-Request-Id: " + sent}})
			id := got.header.Get("X-Request-Id")
			if got.status != status || kept != (id == sent) || !requestid.Valid(id) {
				t.Errorf("%s, %q: %d, answered %q", path, sent, got.status, id)
			}
		}
	}
	one, other := s.do(call{method: "GET", path: "/healthz"}), s.do(call{method: "GET", path: "/healthz"})
	if one.header.Get("X-Request-Id") == other.header.Get("X-Request-Id") {
		t.Error("two requests have one id")
	}
}
