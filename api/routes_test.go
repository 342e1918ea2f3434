package api

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
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

func TestBrokerFailures(t *testing.T) {
	s := newSite(t, nil)
	for _, c := range backendCalls {
		if !c.asksBroker() {
			continue
		}
		for _, tt := range []struct {
			err    error
			status int
			code   string
			reads  string // what it is to someone who does not publish, if not the same
		}{
			{pubsub.ErrUnavailable, 503, "unavailable", ""},
			{pubsub.ErrOutcomeUnknown, 503, "outcome_unknown", "unavailable"},
			{pubsub.ErrClosed, 503, "draining", ""},
			{errUnexpected, 500, "internal", ""},
		} {
			s.broker.fail(tt.err)
			got := s.do(c)
			want := tt.code
			if tt.reads != "" && c.method == "GET" {
				want = tt.reads
			}
			if got.status != tt.status || got.code() != want || strings.Contains(got.body, "10.1.2.3") || strings.Contains(got.body, "hunter2") {
				t.Errorf("%s %s, %v: %d %s, want %d %s", c.method, c.path, tt.err, got.status, got.body, tt.status, want)
			}
		}
		if c.publishes() {
			s.broker.fail(pubsub.ErrNotReplicated)
			if got := s.do(c); got.status != 503 || got.code() != "not_replicated" {
				t.Errorf("%s %s: %d %s", c.method, c.path, got.status, got.body)
			}
		}
		s.broker.fail(nil)
	}
	if !strings.Contains(s.logged(), "hunter2") {
		t.Error("an error that nobody expected is not in the log")
	}
	for _, code := range []string{"unavailable", "outcome_unknown", "draining", "not_replicated"} {
		if s.results[code] != 2 {
			t.Errorf("%s was counted %d times", code, s.results[code])
		}
	}
}

func TestNotReplicated(t *testing.T) {
	s := newSite(t, nil)
	// The embedded broker has no replica.
	for _, path := range []string{"/v1/channels/a/messages", "/v1/users/ann/messages"} {
		got := s.do(call{method: "POST", path: path + "?durability=replicated", header: []string{"Content-Type: application/json"}, body: "1"})
		if got.status != 503 || got.code() != "not_replicated" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if n := s.retained("a"); n != 1 {
		t.Errorf("%d messages are stored", n)
	}
	got := s.do(call{method: "POST", path: "/v1/messages?durability=replicated", header: []string{"Content-Type: application/json"}, body: `{"messages":[{"channel":"a","data":1}]}`})
	if got.status != 200 || !strings.Contains(got.body, `"code":"not_replicated"`) {
		t.Errorf("batch: %d %s", got.status, got.body)
	}
}

func TestBatchWhileTheBrokerIsAway(t *testing.T) {
	s := newSite(t, nil)
	body := `{"messages":[{"channels":["a","b"],"data":1},{"channel":"a b","data":1},{"channel":"a","data":2}]}`
	for _, tt := range []struct {
		err  error
		code string
	}{{pubsub.ErrUnavailable, "unavailable"}, {pubsub.ErrOutcomeUnknown, "outcome_unknown"}, {errUnexpected, "internal"}} {
		s.broker.fail(tt.err)
		_, outcomes := s.batch(body)
		want := []outcome{{0, "a", tt.code}, {0, "b", tt.code}, {1, "a b", "bad_channel"}, {2, "a", "not_tried"}}
		if len(outcomes) != len(want) {
			t.Fatalf("%+v", outcomes)
		}
		for i := range want {
			if outcomes[i] != want[i] {
				t.Errorf("%v, result %d: %+v, want %+v", tt.err, i, outcomes[i], want[i])
			}
		}
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := newSite(t, nil)
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 404, ""},
		{"GET", "/v2/messages", 404, ""},
		{"GET", "/v1/channels/a/b/messages", 404, ""},
		{"GET", "/v1/channels/", 404, ""},
		{"POST", "/v1/tokens/revoke", 404, ""},
		{"BREW", "/v1/nothing", 404, ""},
		{"GET", "/v1/messages", 405, "POST"},
		{"BREW", "/v1/messages", 405, "POST"},
		{"PUT", "/v1/channels/a/messages", 405, "GET, POST, DELETE"},
		{"OPTIONS", "/v1/channels/a%20b/messages", 405, "GET, POST, DELETE"},
		{"POST", "/healthz", 405, "GET, HEAD"},
		{"HEAD", "/v1/channels", 405, "GET"},
		{"DELETE", "/v1/poll", 405, "GET, POST, OPTIONS"},
	} {
		got := s.do(call{method: tt.method, path: tt.path})
		if got.status != tt.status || got.header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow %q: %s", tt.method, tt.path, got.status, got.header.Get("Allow"), got.body)
		}
		want := map[int]string{404: "not_found", 405: "method_not_allowed"}[tt.status]
		if tt.method != "HEAD" && got.code() != want {
			t.Errorf("%s %s: %s", tt.method, tt.path, got.body)
		}
	}
	if got := s.do(call{method: "PUT", path: "/v1/poll", header: []string{"Origin: https://evil.example"}}); got.code() != "origin" {
		t.Errorf("a foreign page: %d %s", got.status, got.body)
	}
	for _, path := range clientPaths {
		got := s.do(call{method: "OPTIONS", path: path})
		if got.status != 204 || !strings.Contains(got.header.Get("Allow"), "OPTIONS") {
			t.Errorf("OPTIONS %s: %d, Allow %q", path, got.status, got.header.Get("Allow"))
		}
	}
}

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

func TestRequestIDs(t *testing.T) {
	s := newSite(t, nil)
	for sent, kept := range map[string]bool{
		"abc-123_4.5:6/7=8+9@z": true, strings.Repeat("i", 128): true,
		"": false, "a b": false, "ä": false, `a"b`: false, strings.Repeat("i", 129): false,
	} {
		for path, status := range map[string]int{"/healthz": 200, "/nothing": 404} {
			got := s.do(call{method: "GET", path: path, header: []string{"X-Request-Id: " + sent}})
			id := got.header.Get("X-Request-Id")
			if got.status != status || kept != (id == sent) || !validRequestID(id) {
				t.Errorf("%s, %q: %d, answered %q", path, sent, got.status, id)
			}
		}
	}
	one, other := s.do(call{method: "GET", path: "/healthz"}), s.do(call{method: "GET", path: "/healthz"})
	if one.header.Get("X-Request-Id") == other.header.Get("X-Request-Id") {
		t.Error("two requests have one id")
	}
}

func TestHealth(t *testing.T) {
	isReady, status := true, "ok"
	s := newSite(t, func(o *Options) { o.Ready = func() (bool, string) { return isReady, status } })
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
		isReady, status = tt.ready, tt.status
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

func TestPanics(t *testing.T) {
	s := newSite(t, func(o *Options) {
		o.Sign = func(c auth.Claims, _ time.Duration) (string, time.Time, error) { panic("sign " + c.User) }
		o.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/page/abort" {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(http.StatusOK)
			io.WriteString(w, "half of it")
			http.NewResponseController(w).Flush()
			var none []int
			_ = none[len(r.URL.Path)]
		})
	})
	got := s.do(call{method: "POST", path: "/v1/tokens", header: []string{"Content-Type: application/json"}, body: `{"sub":"ann-the-secret"}`})
	if got.status != 500 || got.code() != "internal" {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, path := range []string{"/page/half", "/page/abort"} {
		resp, err := http.Get(s.url + path)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: half an answer looks whole: %v", path, err)
		}
	}
	if got := s.do(call{method: "GET", path: "/healthz"}); got.status != 200 {
		t.Errorf("afterwards: %d", got.status)
	}
	log := s.logged()
	if strings.Contains(log, "ann-the-secret") || strings.Count(log, "level=ERROR") != 2 || !strings.Contains(log, "routes_test.go") || !strings.Contains(log, "index out of range") {
		t.Errorf("the log:\n%s", log)
	}
}

func TestAccessLog(t *testing.T) {
	s := newSite(t, nil)
	s.do(call{method: "GET", path: "/v1/channels/private-name/messages?since=0&limit=7"})
	s.do(call{method: "GET", path: "/nothing?token=secret-token"})
	log := s.logged()
	if !strings.Contains(log, "method=GET route=/v1/channels/{channel}/messages status=200") || !strings.Contains(log, "request_id=") {
		t.Errorf("the log:\n%s", log)
	}
	for _, hidden := range []string{"private-name", "limit=7", "secret-token", apiKey} {
		if strings.Contains(log, hidden) {
			t.Errorf("%q stands in the log:\n%s", hidden, log)
		}
	}
}

// TestBodiesThatDoNotArrive sends half a body and then nothing, or nothing and the end.
func TestBodiesThatDoNotArrive(t *testing.T) {
	s := newSite(t, func(o *Options) { o.BodyTimeout = 50 * time.Millisecond })
	for _, path := range []string{"/v1/messages", "/v1/channels/a/messages", "/v1/users/ann/messages", "/v1/tokens"} {
		for _, end := range []bool{false, true} {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			conn.SetDeadline(time.Now().Add(30 * time.Second))
			io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+apiKey+"\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"mess")
			want := "408 timeout"
			if end {
				conn.(*net.TCPConn).CloseWrite()
				want = "400"
			}
			answer, err := io.ReadAll(conn)
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			status, _, _ := strings.Cut(strings.TrimPrefix(string(answer), "HTTP/1.1 "), " ")
			if !strings.HasPrefix(want, status) || !end && !strings.Contains(string(answer), `"code":"timeout"`) {
				t.Errorf("%s, ended %t: %s", path, end, answer)
			}
			conn.Close()
		}
	}
}

// TestRefusedBodiesAreNotAwaited announces a body without showing a key: after the answer,
// the server does not wait for what may never come.
func TestRefusedBodiesAreNotAwaited(t *testing.T) {
	s := newSite(t, func(o *Options) { o.BodyTimeout = 50 * time.Millisecond })
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	io.WriteString(conn, "POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 401 ") {
		t.Errorf("%v: %s", err, answer)
	}
}

// TestSlowHandlersAreNotCutOff holds a request longer than its body may take: the deadline
// belongs to the body alone.
func TestSlowHandlersAreNotCutOff(t *testing.T) {
	s := newSite(t, func(o *Options) {
		o.BodyTimeout = 20 * time.Millisecond
		o.Sign = func(auth.Claims, time.Duration) (string, time.Time, error) {
			time.Sleep(100 * time.Millisecond)
			return "token", time.Unix(0, 0), nil
		}
	})
	got := s.do(call{method: "POST", path: "/v1/tokens", header: []string{"Content-Type: application/json"}, body: `{"sub":"ann"}`})
	if got.status != 201 || got.body != `{"token":"token","expires":"1970-01-01T00:00:00Z"}`+"\n" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestExplainUnmarshalable(t *testing.T) {
	s := &server{Options: Options{}.withDefaults()}
	w := httptest.NewRecorder()
	s.answer(w, httptest.NewRequest("GET", "/", nil), 200, func() {})
	if w.Code != 500 {
		t.Errorf("status %d", w.Code)
	}
}
