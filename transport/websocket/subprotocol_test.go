package websocket

import "testing"

func TestChooseSubprotocol(t *testing.T) {
	for _, c := range []struct {
		known, offered []string
		want           string
	}{
		{nil, nil, ""},
		{nil, []string{"a"}, ""},
		{[]string{"a"}, nil, ""},
		{[]string{"a", "b"}, []string{"b", "a"}, "a"},
		{[]string{"a", "b"}, []string{"c", "b"}, "b"},
		{[]string{"a"}, []string{"A"}, ""},
	} {
		if got := chooseSubprotocol(c.known, c.offered); got != c.want {
			t.Errorf("%v of %v: %q", c.known, c.offered, got)
		}
	}
}
