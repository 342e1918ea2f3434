package main

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const (
	testAPIKey   = "backend-key-0123456789abcdef"
	testTokenKey = "token-key-0123456789abcdef0123456789abcdef"
)

var keys = []string{"WSBRIDGE_API_KEYS=" + testAPIKey, "WSBRIDGE_TOKEN_KEYS=" + testTokenKey}

// A server is a process that serves on free ports of the loopback interface.
type server struct {
	*process
	url, admin string
}

// A site is what the log says of where it listens.
var (
	devURL   = regexp.MustCompile(`page +(http://[^/]+)/`)
	devAdmin = regexp.MustCompile(`metrics +(http://[^/]+)/metrics`)
)

// start runs serve and waits until it listens.
func startServer(t *testing.T, env []string, args ...string) *server {
	t.Helper()
	env = append([]string{
		"WSBRIDGE_ADDR=127.0.0.1:0", "WSBRIDGE_ADMIN_ADDR=127.0.0.1:0", "WSBRIDGE_DRAIN_DELAY=0s", "WSBRIDGE_DRAIN=100ms",
	}, env...)
	s := &server{process: begin(t, nil, env, append([]string{"serve"}, args...)...)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the server said:\n%s", &s.err)
		}
	})
	if strings.Contains(strings.Join(args, " "), "--dev") {
		s.says(&s.err, "  publish ")
		s.url = devURL.FindStringSubmatch(s.err.String())[1]
		s.admin = devAdmin.FindStringSubmatch(s.err.String())[1]
		return s
	}
	s.says(&s.err, `"msg":"listening"`)
	for line := range strings.Lines(s.err.String()) {
		var entry struct {
			Msg       string
			Addr      string
			AdminAddr string `json:"admin_addr"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("a line of the log is no JSON: %q", line)
		}
		if entry.Msg == "listening" {
			s.url, s.admin = "http://"+entry.Addr, "http://"+entry.AdminAddr
		}
	}
	return s
}

// terminate asks the server to stop, which has to end well.
func (s *server) terminate() {
	s.t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	if status := s.status(); status != 0 {
		s.t.Errorf("the server ended with status %d\n%s", status, &s.err)
	}
}

// get returns the status and the body of an answer.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// listening starts a listener and waits until it is connected.
func (s *server) listening(args ...string) *process {
	s.t.Helper()
	p := begin(s.t, nil, []string{"WSBRIDGE_URL=" + s.url}, append([]string{"listen"}, args...)...)
	p.says(&p.err, "connected by")
	return p
}
