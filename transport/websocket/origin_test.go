package websocket

import "testing"

func TestSameOrigin(t *testing.T) {
	for _, c := range []struct {
		host, origin string
		want         bool
	}{
		{"a.example", "", true},
		{"a.example", "http://a.example", true},
		{"a.example", "https://A.Example", true},
		{"a.example:443", "https://a.example", true},
		{"a.example", "http://a.example:80", true},
		{"a.example:8080", "http://a.example:8080", true},
		{"[::1]:8080", "http://[::1]:8080", true},
		{"a.example:8080", "http://a.example", false},
		{"a.example", "http://a.example:8080", false},
		{"a.example:80", "https://a.example", false},
		{"a.example", "http://b.example", false},
		{"a.example", "http://a.example.evil", false},
		{"a.example", "null", false},
		{"a.example", "a.example", false},
		{"a.example", "http://[", false},
		{"a.example", "http://a.example|http://a.example", false},
	} {
		line := "Origin"
		if c.origin != "" {
			line += ": " + c.origin
		}
		if got := SameOrigin(upgrade(t, get, "Host: "+c.host, line)); got != c.want {
			t.Errorf("host %s, origin %s: %v", c.host, c.origin, got)
		}
	}
}
