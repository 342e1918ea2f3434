package config

import (
	"testing"

	"github.com/wsbridge/wsbridge/internal/auth"
)

func TestRedisSentinelAuth(t *testing.T) {
	for _, test := range []struct {
		text, shown string
		want        *RedisLogin
	}{
		{"none", "none", &RedisLogin{}},
		{":p:w", ":[redacted]", &RedisLogin{Password: auth.NewSecret("p:w")}},
		{"ann:none", "ann:[redacted]", &RedisLogin{User: "ann", Password: auth.NewSecret("none")}},
	} {
		c := load(t, Sources{Flags: map[string]string{"redis-url": "redis+sentinel://h/m", "redis-sentinel-auth": test.text}})
		got := c.RedisSentinelAuth
		if got.User != test.want.User || got.Password.Reveal() != test.want.Password.Reveal() {
			t.Errorf("%s is read as %s and %s", test.text, got.User, got.Password.Reveal())
		}
		if shown := (loginValue{&got}).text(); shown != test.shown {
			t.Errorf("%s is shown as %s", test.text, shown)
		}
	}
	_, err := Load(Sources{Flags: map[string]string{"redis-url": "redis://h", "redis-sentinel-auth": "none"}})
	if want := "redis-sentinel-auth is set (--redis-sentinel-auth), and redis-url (--redis-url) names no sentinels"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
