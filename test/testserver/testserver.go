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
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Server is a running wsbridge without keys, on a free port of the loopback interface.
type Server struct {
	Addr string // HOST:PORT
	log  bytes.Buffer
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

// Start runs wsbridge serve --dev with the given settings (NAME=VALUE) until the test is
// over, and returns when it is ready.
func Start(t *testing.T, env ...string) *Server {
	t.Helper()
	s := &Server{Addr: freeAddr(t)}
	cmd := exec.Command(binary, "serve", "--dev")
	cmd.Env = append([]string{
		"WSBRIDGE_ADDR=" + s.Addr, "WSBRIDGE_ADMIN_ADDR=off", "WSBRIDGE_DRAIN_DELAY=0s", "WSBRIDGE_DRAIN=1s",
	}, env...)
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v\n%s", err, &s.log)
		}
	})
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if answer, err := http.Get(s.URL("/readyz")); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return s
			}
		}
	}
	t.Fatal("the server did not get ready within 30 s")
	return nil
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

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
