package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/internal/auth"
)

func TestRedisURL(t *testing.T) {
	for _, test := range []struct {
		text  string
		want  RedisURL
		shown string
	}{
		{"redis://localhost", RedisURL{Mode: RedisSingle, Addrs: []string{"localhost:6379"}}, "redis://localhost:6379/0"},
		{"redis://localhost/", RedisURL{Mode: RedisSingle, Addrs: []string{"localhost:6379"}}, "redis://localhost:6379/0"},
		{"redis://10.0.0.1:7000/15", RedisURL{Mode: RedisSingle, Addrs: []string{"10.0.0.1:7000"}, DB: 15}, "redis://10.0.0.1:7000/15"},
		{"rediss://ann:s%40crt@h/1", RedisURL{Mode: RedisSingle, TLS: true, User: "ann", Password: auth.NewSecret("s@crt"), Addrs: []string{"h:6379"}, DB: 1}, "rediss://ann:[redacted]@h:6379/1"},
		{"redis://:p:w@h", RedisURL{Mode: RedisSingle, Password: auth.NewSecret("p:w"), Addrs: []string{"h:6379"}}, "redis://:[redacted]@h:6379/0"},
		{"redis://a%3Ab@h", RedisURL{Mode: RedisSingle, User: "a:b", Addrs: []string{"h:6379"}}, "redis://a%3Ab@h:6379/0"},
		{"redis://[::1]:7000/2", RedisURL{Mode: RedisSingle, Addrs: []string{"[::1]:7000"}, DB: 2}, "redis://[::1]:7000/2"},
		{"redis://[::1]", RedisURL{Mode: RedisSingle, Addrs: []string{"[::1]:6379"}}, "redis://[::1]:6379/0"},
		{"redis+sentinel://a,b:7,[::1]/main", RedisURL{Mode: RedisSentinel, Addrs: []string{"a:26379", "b:7", "[::1]:26379"}, Master: "main"}, "redis+sentinel://a:26379,b:7,[::1]:26379/main"},
		{"rediss+cluster://:pw@a,b", RedisURL{Mode: RedisCluster, TLS: true, Password: auth.NewSecret("pw"), Addrs: []string{"a:6379", "b:6379"}}, "rediss+cluster://:[redacted]@a:6379,b:6379"},
	} {
		got, err := ParseRedisURL(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if diff := cmp.Diff(&test.want, got); diff != "" {
			t.Errorf("%s: %s", test.text, diff)
		}
		if got.String() != test.shown {
			t.Errorf("%s: shown as %s", test.text, got)
		}
	}
}

func TestBadRedisURL(t *testing.T) {
	for text, want := range map[string]string{
		"":                      errRedisScheme.Error(),
		"localhost:6379":        errRedisScheme.Error(),
		"http://localhost":      errRedisScheme.Error(),
		"redis+ring://a":        errRedisScheme.Error(),
		"redis+single://a":      errRedisScheme.Error(),
		"redis+://a":            errRedisScheme.Error(),
		"redis://":              "host 1 of the URL is none; write HOST, HOST:PORT or [IPV6]:PORT",
		"redis:///0":            "host 1 of the URL is none; write HOST, HOST:PORT or [IPV6]:PORT",
		"redis://h:0":           "host 1 of the URL is none; write HOST, HOST:PORT or [IPV6]:PORT",
		"redis://h:99999":       "host 1 of the URL is none; write HOST, HOST:PORT or [IPV6]:PORT",
		"redis://a:b:c":         "host 1 of the URL is none; write HOST, HOST:PORT or [IPV6]:PORT",
		"redis+cluster://a,,b":  "host 2 of the URL is none; write HOST, HOST:PORT or [IPV6]:PORT",
		"redis://a,b/0":         "the URL has several hosts, which redis+sentinel:// or redis+cluster:// take",
		"redis://h/x":           "the URL's path is no database; write a number, as in redis://HOST/0",
		"redis://h/-1":          "the URL's path is no database; write a number, as in redis://HOST/0",
		"redis://h/0/1":         "the URL's path is no database; write a number, as in redis://HOST/0",
		"redis+sentinel://a,b":  "the URL names no master; write redis+sentinel://HOST,HOST/MASTER",
		"redis+cluster://a,b/0": "the URL has a path, and a cluster has one database only",
		"redis://h/0?db=1":      "the URL has a query, a fragment or a space; such characters of a password are percent-encoded",
		"redis://:pa#ss@h":      "the URL has a query, a fragment or a space; such characters of a password are percent-encoded",
		"redis://:p%zz@h":       "the URL's user or password holds a % that is none of percent-encoding; it is written %25",
		"redis://:p@ss@h":       "the URL's user or password holds an @ or a /, which are written %40 and %2F",
		"redis+cluster://" + strings.Repeat("a,", 100) + "a": "the URL has 101 hosts, at most 100 are allowed",
	} {
		if _, err := ParseRedisURL(text); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", text, err, want)
		}
	}
}

func FuzzRedisURL(f *testing.F) {
	for _, seed := range []string{"redis://u:p@h:1/2", "rediss+sentinel://a,[::1]:5/m", "redis+cluster://a,b", "redis://%41@h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseRedisURL(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%q: the error has several lines", text)
			}
			return
		}
		again, err := ParseRedisURL(u.String())
		if err != nil {
			t.Fatalf("%q: shown as %s, which is %v", text, u, err)
		}
		if u.Password.Len() > 0 {
			u.Password = auth.NewSecret(redacted)
		}
		if diff := cmp.Diff(u, again); diff != "" {
			t.Errorf("%q: read back with %s", text, diff)
		}
	})
}
