package api

import (
	"net/http"
	"testing"
)

// backendCalls are a good request to each endpoint of backends, in an order in which all
// of them can be answered.
var backendCalls = []call{
	{method: "POST", path: "/v1/messages", header: []string{"Content-Type: application/json"}, body: `{"messages":[{"channel":"a","data":1},{"channel":"a","data":2}]}`},
	{method: "POST", path: "/v1/channels/a/messages", header: []string{"Content-Type: application/json"}, body: `1`},
	{method: "POST", path: "/v1/users/ann/messages", header: []string{"Content-Type: application/json"}, body: `1`},
	{method: "GET", path: "/v1/channels"},
	{method: "GET", path: "/v1/channels/a"},
	{method: "GET", path: "/v1/channels/a/messages"},
	{method: "DELETE", path: "/v1/channels/a/messages"},
	{method: "POST", path: "/v1/tokens", header: []string{"Content-Type: application/json"}, body: `{"sub":"ann"}`},
}

// asksBroker reports whether the endpoint cannot do without the broker, and answers for it
// by its own status.
func (c call) asksBroker() bool { return c.path != "/v1/tokens" && c.path != "/v1/messages" }

func (c call) publishes() bool { return c.method == "POST" && c.asksBroker() }

func TestPageIsServed(t *testing.T) {
	s := newSite(t, func(o *Options) {
		o.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { write(w, 200, []byte(r.URL.Path)) })
	})
	for _, path := range []string{"/", "/page/style.css"} {
		if got := s.do(call{method: "GET", path: path}); got.status != 200 || got.body != path {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		if got := s.do(call{method: "HEAD", path: path}); got.status != 200 {
			t.Errorf("HEAD %s: %d", path, got.status)
		}
	}
}

func TestTheBrowserClientIsServed(t *testing.T) {
	s := newSite(t, nil)
	for _, path := range []string{"/client.js", "/client-streams.js"} {
		whole := s.do(call{method: "GET", path: path})
		if whole.status != 200 || len(whole.body) < 1000 {
			t.Fatalf("%s: %d with %d bytes", path, whole.status, len(whole.body))
		}
		known := []string{"If-None-Match: " + whole.header.Get("ETag")}
		if got := s.do(call{method: "GET", path: path, header: known}); got.status != 304 || got.body != "" {
			t.Errorf("%s with the ETag: %d with %d bytes", path, got.status, len(got.body))
		}
		if got := s.do(call{method: "HEAD", path: path}); got.status != 200 || got.body != "" {
			t.Errorf("HEAD %s: %d with %d bytes", path, got.status, len(got.body))
		}
	}
}
