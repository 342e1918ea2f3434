package redisbroker

import (
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
)

func TestEvictionIsWarnedOf(t *testing.T) {
	for _, c := range []struct {
		policy string
		rules  []string // of the user; nil: the default one
		want   string   // in the log; empty: nothing is logged
	}{
		{policy: "noeviction"},
		{policy: "allkeys-lru", want: "allkeys-lru"},
		{policy: "volatile-ttl", want: "volatile-ttl"},
		{policy: "noeviction", rules: []string{"~*", "&*", "+@all", "-info"}, want: "it is not known whether Redis evicts"},
	} {
		server := redistest.Start(t, "--maxmemory-policy", c.policy)
		var logged logs
		start(t, server, logged.take, func(o *Options) {
			if c.rules != nil {
				server.AddUser("bridge", "secret", c.rules...)
				o.User, o.Password = "bridge", "secret"
			}
		})
		log := logged.String()
		if !strings.Contains(log, c.want) || c.want == "" && log != "" {
			t.Errorf("%s, user %q: the log is %q, want %q in it", c.policy, c.rules, log, c.want)
		}
	}
}
