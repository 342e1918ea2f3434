package behaviour

import (
	"net/http"
	"testing"

	"github.com/wsbridge/wsbridge/transport"
)

const (
	friend   = "https://app.example.com"
	stranger = "https://evil.example.org"
)

// clientRequests are one for each endpoint of clients.
var clientRequests = []request{
	{path: "/v1/ws", header: []string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
	}},
	{path: "/v1/poll?channels=a&wait=0"},
	{path: "/v1/poll", body: `{"channels":["a"],"wait":0}`},
	{path: "/v1/sse?channels=a"},
	{path: "/v1/http-stream?channels=a"},
	{path: "/v1/send", body: `{"type":"history","ref":1,"channel":"a"}`},
}

func TestForeignOriginsAreRefused(t *testing.T) {
	t.Parallel()
	s := start(t, setup{transport: transport.Options{AllowedOrigins: []string{friend}}})
	for _, q := range clientRequests {
		for _, origin := range []string{stranger, "null", friend + ".evil.org", "http://app.example.com"} {
			q := q
			q.head = true
			q.header = append([]string{"Origin: " + origin, "Authorization: Bearer " + s.token()}, q.header...)
			r := s.do(t, q)
			if r.refusal() != "403 origin" || r.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s from %s: %s, allowed %q", q.method, q.path, origin, r.refusal(), r.header.Get("Access-Control-Allow-Origin"))
			}
		}
	}
}

// A page of an allowed origin sees why it was refused, and may send what clients send.
func TestAllowedOriginsSeeErrors(t *testing.T) {
	t.Parallel()
	s := start(t, setup{transport: transport.Options{AllowedOrigins: []string{friend}}})
	for _, q := range clientRequests[1:] {
		q := q
		q.header = append([]string{"Origin: " + friend, "Authorization: Bearer garbage"}, q.header...)
		r := s.do(t, q)
		if r.refusal() != "401 token_invalid" {
			t.Errorf("%s: %s", q.path, r.refusal())
		}
		checkCORS(t, q.path, r.header)
	}
	for _, path := range []string{"/v1/poll", "/v1/sse", "/v1/http-stream", "/v1/send"} {
		r := s.do(t, request{method: http.MethodOptions, path: path, header: []string{
			"Origin: " + friend, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization",
		}})
		if r.status != http.StatusNoContent {
			t.Errorf("preflight of %s: %s", path, r.refusal())
		}
		checkCORS(t, "preflight of "+path, r.header)
	}
	// Backends are no pages: their endpoints let no page see anything.
	if r := s.backend(t, request{path: "/v1/channels", header: []string{"Origin: " + friend}}); r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("a page may see what backends see")
	}
}

func checkCORS(t *testing.T, what string, h http.Header) {
	t.Helper()
	if got := h.Get("Access-Control-Allow-Origin"); got != friend {
		t.Errorf("%s: Access-Control-Allow-Origin is %q", what, got)
	}
	if got := h.Get("Access-Control-Allow-Credentials"); got != "" {
		t.Errorf("%s: Access-Control-Allow-Credentials is %q", what, got)
	}
	if got := h.Get("Vary"); got == "" {
		t.Errorf("%s: no Vary", what)
	}
}

// Unless told otherwise, the pages of the host that was asked may connect.
func TestTheOwnHostIsAllowed(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	for _, q := range clientRequests {
		q := q
		q.head = true
		q.header = append([]string{"Origin: " + s.url, "Authorization: Bearer " + s.token()}, q.header...)
		if r := s.do(t, q); r.status >= 300 {
			t.Errorf("%s: %s", q.path, r.refusal())
		}
	}
}
