package api

import (
	"strings"
	"testing"
)

func TestBackendsNeedAKey(t *testing.T) {
	s := newSite(t, nil)
	for _, c := range backendCalls {
		for _, line := range []string{"Authorization: ", "Authorization: Bearer wrong", "Authorization: Bearer ", "Authorization: Basic " + apiKey, "Authorization: " + apiKey} {
			asked := c
			asked.header = append([]string{line}, c.header...)
			got := s.do(asked)
			if got.status != 401 || got.code() != "unauthorized" || !strings.HasPrefix(got.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s %s, %q: %d %s", c.method, c.path, line, got.status, got.body)
			}
		}
		c.header = append([]string{"Authorization: bearer another"}, c.header...)
		if got := s.do(c); got.status >= 300 {
			t.Errorf("%s %s with the other key: %d %s", c.method, c.path, got.status, got.body)
		}
	}
	for _, secret := range []string{apiKey, "another", "wrong"} {
		if strings.Contains(s.logged(), secret) {
			t.Errorf("the key %q stands in the log", secret)
		}
	}
}

func TestWithoutKeysForeignPagesAreRefused(t *testing.T) {
	s := newSite(t, func(o *Options) { o.Anyone = true })
	for _, c := range backendCalls {
		c.header = append([]string{"Authorization: "}, c.header...)
		if got := s.do(c); got.status >= 300 {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.status, got.body)
		}
		c.header = append([]string{"Origin: https://evil.example"}, c.header...)
		if got := s.do(c); got.status != 403 || got.code() != "origin" {
			t.Errorf("%s %s from a foreign page: %d %s", c.method, c.path, got.status, got.body)
		}
	}
}
