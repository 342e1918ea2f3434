package api

import (
	"sync/atomic"
	"testing"
)

func TestHealth(t *testing.T) {
	type state struct {
		ready  bool
		status string
	}
	var now atomic.Pointer[state]
	s := newSite(t, func(o *Options) { o.Ready = func() (bool, string) { return now.Load().ready, now.Load().status } })
	for _, tt := range []struct {
		ready  bool
		status string
		want   int
		body   string // or code
	}{
		{true, "ok", 200, `{"status":"ok"}` + "\n"},
		{true, "degraded", 200, `{"status":"degraded"}` + "\n"},
		{false, "starting", 503, "starting"},
		{false, "draining", 503, "draining"},
		{false, "unavailable", 503, "unavailable"},
		{false, "bad_request", 503, "unavailable"},
	} {
		now.Store(&state{tt.ready, tt.status})
		got := s.do(call{method: "GET", path: "/readyz", header: []string{"Authorization: "}})
		if got.status != tt.want || got.body != tt.body && got.code() != tt.body {
			t.Errorf("ready %t, %s: %d %s", tt.ready, tt.status, got.status, got.body)
		}
		head := s.do(call{method: "HEAD", path: "/readyz"})
		if head.status != tt.want || head.body != "" {
			t.Errorf("HEAD, ready %t, %s: %d %s", tt.ready, tt.status, head.status, head.body)
		}
		if alive := s.do(call{method: "GET", path: "/healthz"}); alive.status != 200 || alive.body != `{"status":"ok"}`+"\n" {
			t.Errorf("healthz: %d %s", alive.status, alive.body)
		}
	}
	if got := s.do(call{method: "HEAD", path: "/healthz"}); got.status != 200 {
		t.Errorf("HEAD /healthz: %d", got.status)
	}
}
