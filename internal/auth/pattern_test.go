package auth

import (
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestPattern(t *testing.T) {
	for _, test := range []struct {
		pattern, channel string
		want             bool
	}{
		{"orders:42", "orders:42", true},
		{"orders:42", "orders:421", false},
		{"orders:42", "orders:4", false},
		{"*", "news", true},
		{"*", "a:b:c", true},
		{"**", "news", true},
		{"orders:*", "orders:", true},
		{"orders:*", "orders:42:lines", true},
		{"orders:*", "orders", false},
		{"orders:*", "xorders:1", false},
		{"orders*", "orders-secret:1", true}, // a star is no segment
		{"*:42", "orders:42", true},
		{"*:42", "orders:42:x", false},
		{"a*b*c", "abc", true},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "acb", false},
		{"a*a", "a", false}, // head and tail do not overlap
		{"a*a", "aa", true},
		{"ab*ba", "aba", false},
		{"*ab*ab*", "xabab", true},
		{"*ab*ab*", "xaab", false},
		{"*", "user:ann", false},
		{"user*", "user:ann", false},
		{"*:ann", "user:ann", false},
		{"user:*", "user:ann", true},
		{"user:ann", "user:ann", true},
		{"user:ann", "user:anne", false},
		{"user:*n", "user:ann", true},
		{"*", "user", true}, // no personal channel: its namespace is default
		{"users:*", "users:ann", true},
	} {
		p, err := parsePattern(test.pattern)
		if err != nil {
			t.Errorf("%s: %v", test.pattern, err)
			continue
		}
		if got := p.matches(pubsub.Channel(test.channel)); got != test.want {
			t.Errorf("%q matches %q: %v, want %v", test.pattern, test.channel, got, test.want)
		}
	}
}

func TestBadPatterns(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                       `a pattern has 1 to 200 bytes, "" has 0`,
		strings.Repeat("a", 201): `a pattern has 1 to 200 bytes, "` + strings.Repeat("a", 60) + `…" has 201`,
		"orders:?":               `pattern "orders:?": byte 8 is '?', allowed are A-Z a-z 0-9 _ - . : = *`,
		"a b":                    `pattern "a b": byte 2 is ' ', allowed are A-Z a-z 0-9 _ - . : = *`,
		"a,b":                    `pattern "a,b": byte 2 is ',', allowed are A-Z a-z 0-9 _ - . : = *`,
	} {
		if _, err := parsePattern(pattern); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", pattern, err, want)
		}
	}
}

// reference is what a pattern means, in the plainest words.
func reference(pattern, name string) bool {
	// reach[j]: what was read of the pattern so far stands for name[:j].
	reach := make([]bool, len(name)+1)
	reach[0] = true
	for _, c := range []byte(pattern) {
		next := make([]bool, len(name)+1)
		for j := range reach {
			if c == '*' {
				next[j] = reach[j] || j > 0 && next[j-1]
			} else if j > 0 {
				next[j] = reach[j-1] && name[j-1] == c
			}
		}
		reach = next
	}
	return reach[len(name)] && (!strings.HasPrefix(name, "user:") || strings.HasPrefix(pattern, "user:"))
}

func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{
		{"a*b*c", "abc"}, {"*ab*ab*", "xaabab"}, {"user:*", "user:ann"}, {"*", "user:x"}, {"a*a", "a"}, {"**a**", "a"},
		{strings.Repeat("a*", 100), strings.Repeat("a", 200)},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		p, err := parsePattern(text)
		channel, err2 := pubsub.ParseChannel(name)
		if err != nil || err2 != nil {
			return
		}
		if got, want := p.matches(channel), reference(text, name); got != want {
			t.Errorf("%q matches %q: %v, want %v", text, name, got, want)
		}
		if !strings.HasPrefix(name, "user:") && !p.matches(channel) && text == "*" {
			t.Errorf("* does not match %q", name)
		}
	})
}

// Nearly matching many pieces is what makes matchers slow that go back.
func BenchmarkPatternWorst(b *testing.B) {
	p, err := parsePattern(strings.Repeat("a*", 98) + "b*")
	if err != nil {
		b.Fatal(err)
	}
	name := pubsub.Channel(strings.Repeat("a", pubsub.MaxChannel))
	for b.Loop() {
		if p.matches(name) {
			b.Fatal("matched")
		}
	}
}
