package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

// TestStarting asks every route while the bridge has not started, and some again when it has.
func TestStarting(t *testing.T) {
	starting := true
	s := newSite(t, func(o *Options) {
		o.Starting = func() bool { return starting }
		o.Ready = func() (bool, string) { return !starting, "starting" }
	})
	free := map[string]bool{"/healthz": true, "/v1/openapi.json": true, "/client.js": true, "/client-streams.js": true} // what needs no broker
	err := chi.Walk(New(Options{}).(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		path := strings.NewReplacer("{channel}", "a", "{user}", "ann").Replace(route)
		c := call{method: method, path: path}
		if path == "/v1/ws" {
			c.header = upgrade
		}
		got := s.do(c)
		want := 503
		if free[path] {
			want = 200
		}
		if got.status != want || want == 503 && method != "HEAD" && got.code() != "starting" {
			t.Errorf("%s %s while starting: %d %s", method, path, got.status, got.body)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	// A page can see why it has to wait, and may ask whether it may ask.
	page := "Origin: " + s.url
	for _, path := range clientPaths {
		if got := s.do(call{method: "POST", path: path, header: []string{page}}); got.status != 405 && got.header.Get("Access-Control-Allow-Origin") != s.url {
			t.Errorf("%s while starting: %d without CORS", path, got.status)
		}
		if got := s.do(call{method: "OPTIONS", path: path, header: []string{page, "Access-Control-Request-Method: POST"}}); got.status != 204 {
			t.Errorf("preflight of %s while starting: %d", path, got.status)
		}
	}
	// What is wrong with a request stays wrong.
	for _, c := range []call{
		{method: "GET", path: "/v1/channels", header: []string{"Authorization: Bearer wrong"}},
		{method: "GET", path: "/v1/poll?channels=a", header: []string{"Origin: https://evil.example"}},
		{method: "GET", path: "/nowhere"},
	} {
		if got := s.do(c); got.status == 503 {
			t.Errorf("%s %s while starting: %s", c.method, c.path, got.body)
		}
	}

	starting = false
	if got := s.do(call{method: "GET", path: "/v1/channels"}); got.status != 200 {
		t.Errorf("a list when it has started: %d", got.status)
	}
	if status, code := s.ask(call{method: "GET", path: "/v1/ws", header: upgrade}); status != 101 {
		t.Errorf("a WebSocket when it has started: %d %s", status, code)
	}
}
