// Package testserver runs the real wsbridge as a process of its own, for tests of clients
// that are not ours.
//
//	func TestMain(m *testing.M) { testserver.Main(m) }
//	…
//	server := testserver.Start(t)
//	conn, _, err := websocket.DefaultDialer.Dial(server.WS("channels=a"), nil)
//
// A server is stopped with its test, which fails if that does not end with status 0.
package testserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
)

// A Server is a wsbridge on a free port of the loopback interface, or what is left of it.
type Server struct {
	Addr string // HOST:PORT, kept over restarts

	args, env []string
	log       output

	// Owned by the test's goroutine.
	cmd   *exec.Cmd
	ended chan error // of cmd, once; nil: it was waited for
}

// binary is set by Main, before any test runs.
var binary string

// Main builds the server, runs the tests and exits. Call it from TestMain, in a package two
// folders below the root of the repository.
func Main(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "wsbridge-test-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "wsbridge")
	cmd := exec.Command("go", "build", "-o", binary, "./cmd/wsbridge")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// Start runs wsbridge serve --dev, which needs no keys, with the given settings (NAME=VALUE)
// until the test is over, and returns when it is ready.
func Start(t *testing.T, env ...string) *Server {
	t.Helper()
	return Serve(t, []string{"--dev"}, env...)
}

// Serve is Start with other flags than --dev.
func Serve(t *testing.T, flags []string, env ...string) *Server {
	t.Helper()
	s := &Server{Addr: "127.0.0.1:" + strconv.Itoa(redistest.Port(t)), args: append([]string{"serve"}, flags...)}
	s.env = append([]string{
		"WSBRIDGE_ADDR=" + s.Addr, "WSBRIDGE_ADMIN_ADDR=off", "WSBRIDGE_DRAIN_DELAY=0s", "WSBRIDGE_DRAIN=1s",
	}, env...)
	t.Cleanup(func() {
		s.Terminate()
		s.Wait(t)
	})
	s.Restart(t)
	return s
}

// Terminate sends SIGTERM, and does not wait.
func (s *Server) Terminate() {
	if s.ended != nil {
		s.cmd.Process.Signal(syscall.SIGTERM)
	}
}

// Wait waits for the end of the process, whose exit status has to be 0.
func (s *Server) Wait(t *testing.T) {
	t.Helper()
	if s.ended == nil {
		return
	}
	if err := <-s.ended; err != nil {
		t.Errorf("the server ended with %v\n%s", err, s.Log())
	}
	s.ended = nil
}

// Kill ends the process as a crash would (SIGKILL), and waits for its end.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	<-s.ended
	s.ended = nil
}

// Restart starts another process at the same address after the last one has ended, and
// returns when it is ready.
func (s *Server) Restart(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command(binary, s.args...)
	s.cmd.Env = s.env
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func(cmd *exec.Cmd) { ended <- cmd.Wait() }(s.cmd)
	s.ended = ended
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if answer, err := http.Get(s.URL("/readyz")); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatalf("the server did not get ready within 30 s\n%s", s.Log())
}

// Log returns what the server has written so far.
func (s *Server) Log() string { return s.log.String() }

// An output is written by a process and read by tests meanwhile.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// URL returns the address of a path.
func (s *Server) URL(path string) string { return "http://" + s.Addr + path }

// WS returns the address of the WebSocket endpoint.
func (s *Server) WS(query string) string { return "ws://" + s.Addr + "/v1/ws?" + query }

// Publish posts a message and returns its position.
func (s *Server) Publish(t *testing.T, channel, contentType, body string) (pos string) {
	t.Helper()
	answer, err := http.Post(s.URL("/v1/channels/"+channel+"/messages"), contentType, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var stored struct{ Pos, Detail string }
	if err := json.NewDecoder(answer.Body).Decode(&stored); err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("publish: %s, %s, %v", answer.Status, stored.Detail, err)
	}
	return stored.Pos
}
