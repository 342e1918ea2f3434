package metrics

import "testing"

func TestLimited(t *testing.T) {
	m := New("test")
	m.Limited("connect_rate")
	m.Limited("connect_rate")
	m.Limited("no such limit")
	counts(t, m, "wsbridge_limited_total", map[string]string{
		`{limit="connect_rate"}`: "2",
		`{limit="byte_rate"}`:    "0",
		`{limit="other"}`:        "1",
	})
}
