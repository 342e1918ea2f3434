package api

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
)

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
