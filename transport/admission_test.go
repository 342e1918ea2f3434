package transport_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport"
)

// What every transport over HTTP refuses in the same way.
func TestAdmissionRefuses(t *testing.T) {
	s := open(t, setup{})
	many := "c" + strings.Repeat(",c", 100)
	for i := range 101 {
		many = strings.Replace(many, "c,", "c"+string(rune('a'+i%26))+string(rune('a'+i/26))+",", 1)
	}
	for _, c := range []struct {
		name, query, code string
		status            int
		header            []string
	}{
		{name: "no token", query: "channels=a", status: 401, code: "unauthorized"},
		{name: "garbage", query: "channels=a&token=garbage", status: 401, code: "token_invalid"},
		{name: "expired", query: "channels=a&token=old", status: 401, code: "token_expired"},
		{name: "empty bearer", query: "channels=a&token=ann", status: 401, code: "token_invalid", header: []string{"Authorization: Bearer "}},
		{name: "header beats query", query: "channels=a&token=ann", status: 401, code: "token_invalid", header: []string{"Authorization: Bearer garbage"}},
		{name: "one forbidden channel", query: "channels=a,secret,b&token=reader", status: 403, code: "forbidden"},
		{name: "no channels", query: "token=ann", status: 400, code: "bad_request"},
		{name: "bad channel", query: "channels=a,,b&token=ann", status: 400, code: "bad_channel"},
		{name: "too many channels", query: "token=ann&channels=" + many, status: 400, code: "too_many_channels"},
		{name: "bad cursor", query: "token=ann&cursor=a@1", status: 400, code: "bad_cursor"},
		{name: "bad client", query: "token=ann&channels=a&client=a.b", status: 400, code: "bad_request"},
		{name: "foreign origin", query: "token=ann&channels=a", status: 403, code: "origin", header: []string{"Origin: https://evil.example"}},
	} {
		for _, path := range []string{"/v1/poll", "/v1/sse", "/v1/http-stream"} {
			t.Run(c.name+path, func(t *testing.T) {
				res := s.request("GET", path+"?"+c.query, "", c.header...)
				body := string(s.read(res))
				if res.StatusCode != c.status || !strings.Contains(body, `"code":"`+c.code+`"`) {
					t.Errorf("%d %s, want %d %s", res.StatusCode, body, c.status, c.code)
				}
				if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
					t.Errorf("content type %q", got)
				}
				if c.code == "forbidden" && !strings.Contains(body, `"channel":"secret"`) {
					t.Errorf("%s does not name the channel", body)
				}
			})
		}
	}
	s.await("refused", 1, func(l *ledger) int { return l.refused["sse token_expired"] })
}

func TestAdmissionRefusesBodies(t *testing.T) {
	s := open(t, setup{})
	for _, c := range []struct {
		name, body, kind, code string
		status                 int
	}{
		{"form", "channels=a", "application/x-www-form-urlencoded", "unsupported_media_type", 415},
		{"broken", `{"channels":["a"`, "text/plain", "bad_json", 400},
		{"list", `["a"]`, "text/plain", "bad_request", 400},
		{"deep", `{"x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, "text/plain", "bad_json", 400},
		{"long", `{"x":"` + strings.Repeat("x", 100<<10) + `"}`, "text/plain", "too_large", 413},
		{"bad limit", `{"channels":["a"],"limit":0}`, "text/plain", "bad_request", 400},
		{"bad token", `{"channels":["a"],"token":"garbage"}`, "text/plain", "token_invalid", 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := s.request("POST", "/v1/poll?token=ann", c.body, "Content-Type: "+c.kind)
			if body := string(s.read(res)); res.StatusCode != c.status || !strings.Contains(body, `"code":"`+c.code+`"`) {
				t.Errorf("%d %s, want %d %s", res.StatusCode, body, c.status, c.code)
			}
		})
	}
	for _, method := range []string{"PUT", "DELETE", "HEAD"} {
		res := s.request(method, "/v1/poll?token=ann&channels=a", "")
		if res.StatusCode != 405 || res.Header.Get("Allow") != "GET, POST" {
			t.Errorf("%s: %d, Allow %q", method, res.StatusCode, res.Header.Get("Allow"))
		}
	}
}

func TestChannelsOfTheTokenAreTheLastResort(t *testing.T) {
	s := open(t, setup{})
	res := s.request("GET", "/v1/poll?token=joiner&wait=0", "")
	if body := string(s.read(res)); !strings.Contains(body, `"cursor":"one@`) || !strings.Contains(body, ",two@") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	res = s.request("GET", "/v1/poll?token=joiner&wait=0&cursor=three", "")
	if body := string(s.read(res)); !strings.Contains(body, `"cursor":"three@`) || strings.Contains(body, "one@") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
}

// A journal is where a logger writes, from any goroutine.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func TestNothingSecretIsLogged(t *testing.T) {
	var j journal
	logger := slog.New(slog.NewTextHandler(&j, &slog.HandlerOptions{Level: slog.LevelDebug}))
	const secret = "hunter2"
	s := open(t, setup{Options: transport.Options{
		Logger: logger,
		Authenticate: func(token string) (transport.Identity, error) {
			if strings.HasPrefix(token, secret) {
				return authenticate("ann")
			}
			return authenticate(token)
		},
	}})
	s.poll("wait=0&channels=a&client=c1&secret=" + secret)
	s.read(s.request("GET", "/v1/poll?channels=a&token=wrong-"+secret, ""))
	s.read(s.request("POST", "/v1/send", `{"type":"`+secret+`"}`))
	s.read(s.request("POST", "/v1/send", `{"type":"publish","token":"`+secret+`","channel":"a","data":"`+secret+`","idempotency_key":"`+secret+`"}`))
	l := s.webSocket("channels=a&token="+url.QueryEscape(secret), nil)
	expect(l, "welcome")
	expect(l, "subscribed")
	l.send(`{"type":%q}`, secret)
	expect(l, "error")
	l.conn.CloseNow()
	s.awaitClosed("websocket", 1006)
	got := j.String()
	if strings.Contains(got, secret) {
		t.Errorf("logged:\n%s", got)
	}
	for _, want := range []string{"connection ended", "transport=poll", "code=1000", "client=c1", "user=ann", "request refused"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not logged:\n%s", want, got)
		}
	}
}

// The server reads on behind an answer. A body that never comes must not hold it.
func TestABodyThatNobodyReadsEndsTheConnection(t *testing.T) {
	for _, path := range []string{"/v1/poll?wait=0&", "/v1/sse?"} {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, setup{pipes: true, Options: transport.Options{Authenticate: func(string) (transport.Identity, error) {
				id, err := authenticate("ann")
				id.Expires = time.Now().Add(time.Minute) // when streams end
				return id, err
			}}})
			l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
			mux := http.NewServeMux()
			mux.HandleFunc("/v1/poll", s.server.Poll)
			mux.HandleFunc("/v1/sse", s.server.SSE)
			server := &http.Server{Handler: mux, ReadTimeout: 10 * time.Second}
			served := make(chan error)
			go func() { served <- server.Serve(l) }()
			defer func() {
				server.Close()
				<-served
			}()

			nc, err := l.dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			nc.SetReadDeadline(time.Now().Add(3 * time.Minute))
			fmt.Fprintf(nc, "GET %schannels=a HTTP/1.1\r\nHost: pipe\r\nContent-Length: 10\r\n\r\n", path)
			if answer, err := io.ReadAll(nc); err != nil {
				t.Errorf("%s: the server waits for the body behind %q: %v", path, answer, err)
			}
		})
	}
}

// A token that names a channel twice is no fault of the client's.
func TestAChannelThatTheTokenNamesTwice(t *testing.T) {
	s := open(t, setup{Options: transport.Options{Authenticate: func(string) (transport.Identity, error) {
		id, err := authenticate("ann")
		id.Channels = []pubsub.Channel{"a", "b", "a"}
		return id, err
	}}})
	if got := s.poll("wait=0").Cursor; len(got) != 2 {
		t.Errorf("the cursor is %v, want a and b", got)
	}
}
