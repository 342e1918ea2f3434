package config

import (
	"strings"
	"testing"
)

func TestSuggest(t *testing.T) {
	keys := append(names((*Setting).Key, fileKey), "namespaces")
	for name, want := range map[string]string{
		"address": "addr", "api_key": "api_keys", "apikeys": "api_keys", "redis-url": "redis_url", "origins": "allowed_origins",
		"namespace": "namespaces", "QUEUE": "queue", "drain_delai": "drain_delay", "proxies": "trusted_proxies", "tokenkeys": "token_keys",
	} {
		if got := suggest(name, keys); got != "; did you mean "+want+"?" {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	for _, name := range []string{"", "x", "foo", "listen", strings.Repeat("addr", 50)} {
		if got, want := suggest(name, keys), "; allowed are config, addr, "; !strings.HasPrefix(got, want) {
			t.Errorf("%s: %.80s", name, got)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "axc", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 2}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
