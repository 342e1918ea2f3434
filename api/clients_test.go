package api

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// ask sends a request of a client and returns the status and code of its answer, or of the
// beginning of it.
func (s *site) ask(c call) (status int, code string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, c.method, s.url+c.path, strings.NewReader(c.body))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, line := range c.header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 400 {
		return resp.StatusCode, "-"
	}
	var refused struct{ Code string }
	if err := json.NewDecoder(resp.Body).Decode(&refused); err != nil {
		s.t.Errorf("%s %s: %d, %v", c.method, c.path, resp.StatusCode, err)
	}
	return resp.StatusCode, refused.Code
}

var upgrade = []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}

// TestClientEndpoints asks for each status and code of the endpoints of clients; what they
// do otherwise is tested where they are made.
func TestClientEndpoints(t *testing.T) {
	s := newSite(t, nil)
	var names []string
	for range 101 {
		names = append(names, "c"+strings.Repeat("x", len(names)))
	}
	tooMany := strings.Join(names, ",")
	type want struct {
		call
		status int
		code   string
	}
	var wants []want
	for _, path := range []string{"/v1/poll", "/v1/sse", "/v1/http-stream"} {
		for _, method := range []string{"GET", "POST"} {
			for _, tt := range []struct {
				query  string
				status int
				code   string
			}{
				{"channels=a&token=good&wait=0", 200, "-"},
				{"channels=a&token=good&limit=0", 400, "bad_request"},
				{"channels=a%20b&token=good", 400, "bad_channel"},
				{"cursor=a@x&token=good", 400, "bad_cursor"},
				{"channels=" + tooMany + "&token=good", 400, "too_many_channels"},
				{"channels=a", 401, "unauthorized"},
				{"channels=a&token=bad", 401, "token_invalid"},
				{"channels=a&token=expired", 401, "token_expired"},
				{"channels=a&token=narrow", 403, "forbidden"},
			} {
				wants = append(wants, want{call{method: method, path: path + "?" + tt.query}, tt.status, tt.code})
			}
			wants = append(wants, want{call{method: method, path: path, header: []string{"Origin: https://evil.example"}}, 403, "origin"})
		}
		wants = append(wants,
			want{call{method: "POST", path: path, body: "{"}, 400, "bad_json"},
			want{call{method: "POST", path: path, body: strings.Repeat(" ", 65<<10)}, 413, "too_large"},
			want{call{method: "POST", path: path, body: "a=b", header: []string{"Content-Type: application/x-www-form-urlencoded"}}, 415, "unsupported_media_type"})
	}
	send := func(query, body string, header ...string) call {
		return call{method: "POST", path: "/v1/send" + query, body: body, header: header}
	}
	publish := func(members string) string { return `{"type":"publish","channel":"a"` + members + `}` }
	wants = append(wants,
		want{send("?token=good", publish(`,"data":1,"idempotency_key":"k"`)), 200, "-"},
		want{send("?token=good", publish(`,"data":2,"idempotency_key":"k"`)), 422, "key_reused"},
		want{send("?token=good", publish(``)), 400, "bad_message"},
		want{send("?token=good", `{`), 400, "bad_json"},
		want{send("?token=good", `{}`), 400, "bad_request"},
		want{send("?token=good", `{"type":"publish","channel":"a b"}`), 400, "bad_channel"},
		want{send("?token=good", `{"type":"history","channel":"a","since":"x"}`), 400, "bad_position"},
		want{send("?token=good&cursor=x@", `{}`), 400, "bad_cursor"},
		want{send("?token=good&channels="+tooMany, `{}`), 400, "too_many_channels"},
		want{send("?token=good", `{"type":"dance"}`), 400, "unknown_command"},
		want{send("", publish(`,"data":1`)), 401, "unauthorized"},
		want{send("?token=bad", publish(`,"data":1`)), 401, "token_invalid"},
		want{send("?token=expired", publish(`,"data":1`)), 401, "token_expired"},
		want{send("?token=narrow", publish(`,"data":1`)), 403, "forbidden"},
		want{send("?token=good", publish(`,"data":1`), "Origin: https://evil.example"), 403, "origin"},
		want{send("?token=good", publish(`,"data":"`+strings.Repeat("x", 300<<10)+`"`)), 413, "too_large"},
		want{send("?token=good", `a=b`, "Content-Type: application/x-www-form-urlencoded"), 415, "unsupported_media_type"},
		want{send("?token=good", `{"type":"presence","channel":"a"}`), 501, "not_supported"},

		want{call{method: "GET", path: "/v1/ws", header: upgrade}, 101, "-"},
		want{call{method: "GET", path: "/v1/ws"}, 426, "upgrade_required"},
		want{call{method: "GET", path: "/v1/ws", header: append([]string{"Sec-WebSocket-Protocol: soap"}, upgrade...)}, 400, "bad_request"},
		want{call{method: "GET", path: "/v1/ws", header: append([]string{"Origin: https://evil.example"}, upgrade...)}, 403, "origin"},
	)
	for _, path := range clientPaths {
		wants = append(wants,
			want{call{method: "OPTIONS", path: path, header: []string{"Origin: " + s.url, "Access-Control-Request-Method: POST"}}, 204, "-"},
			want{call{method: "OPTIONS", path: path, header: []string{"Origin: https://evil.example"}}, 403, "origin"})
	}
	for _, tt := range wants {
		if status, code := s.ask(tt.call); status != tt.status || code != tt.code {
			t.Errorf("%s %.60s %.60s: %d %s, want %d %s", tt.method, tt.path, tt.body, status, code, tt.status, tt.code)
		}
	}
}

func TestClientEndpointsWithoutBroker(t *testing.T) {
	s := newSite(t, nil)
	calls := []call{{method: "POST", path: "/v1/send?token=good", body: `{"type":"publish","channel":"a","data":1}`}}
	for _, path := range []string{"/v1/poll", "/v1/sse", "/v1/http-stream"} {
		calls = append(calls, call{method: "GET", path: path + "?channels=a&token=good"}, call{method: "POST", path: path + "?channels=a&token=good"})
	}
	for _, c := range calls {
		s.broker.fail(pubsub.ErrUnavailable)
		if status, code := s.ask(c); status != 503 || code != "unavailable" {
			t.Errorf("%s %s, broker away: %d %s", c.method, c.path, status, code)
		}
	}
	s.broker.fail(pubsub.ErrOutcomeUnknown)
	if status, code := s.ask(calls[0]); status != 503 || code != "outcome_unknown" {
		t.Errorf("publish, broker silent: %d %s", status, code)
	}
	s.broker.fail(pubsub.ErrClosed)
	for _, c := range calls {
		if status, code := s.ask(c); status != 503 || code != "draining" {
			t.Errorf("%s %s, broker closed: %d %s", c.method, c.path, status, code)
		}
	}
	if err := s.client.Drain(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if status, code := s.ask(call{method: "GET", path: "/v1/ws", header: upgrade}); status != 503 || code != "draining" {
		t.Errorf("a WebSocket while draining: %d %s", status, code)
	}
}

// TestClientBodiesThatDoNotArrive takes as long as the endpoints wait for a body.
func TestClientBodiesThatDoNotArrive(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	var wg sync.WaitGroup
	for _, path := range []string{"/v1/poll", "/v1/sse", "/v1/http-stream", "/v1/send"} {
		wg.Go(func() {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(60 * time.Second))
			io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"to")
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Errorf("%s: %v", path, err)
			} else if resp.StatusCode != 408 {
				t.Errorf("%s: %s", path, resp.Status)
			}
		})
	}
	wg.Wait()
}
