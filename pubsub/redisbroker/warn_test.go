package redisbroker

import (
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
)

func TestEvictionIsWarnedOf(t *testing.T) {
	for _, policy := range []string{"noeviction", "allkeys-lru", "volatile-ttl"} {
		server := redistest.Start(t, "--maxmemory-policy", policy)
		var logged logs
		s := start(t, server, logged.take)
		if got, want := strings.Contains(logged.String(), "maxmemory-policy="+policy), policy != "noeviction"; got != want {
			t.Errorf("%s: warned %t, want %t; the log is %q", policy, got, want, logged.String())
		}
		if strings.Contains(logged.String(), "it is not known") {
			t.Errorf("%s: the log is %q", policy, logged.String())
		}
		server.Kill()
		s.warn(t.Context())
		if !strings.Contains(logged.String(), "it is not known") {
			t.Errorf("without Redis: the log is %q", logged.String())
		}
	}
}
