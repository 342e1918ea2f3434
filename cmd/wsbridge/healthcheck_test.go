package main

import (
	"strings"
	"syscall"
	"testing"
)

func TestHealthcheck(t *testing.T) {
	s := startServer(t, []string{"WSBRIDGE_DRAIN_DELAY=1h"}, "--dev")
	env := []string{"WSBRIDGE_ADDR=" + strings.TrimPrefix(s.url, "http://")}
	must(t, env, "healthcheck")
	must(t, env, "healthcheck", "--ready")

	s.cmd.Process.Signal(syscall.SIGTERM)
	s.says(&s.err, "msg=stopping")
	must(t, env, "healthcheck")
	if status, _, err := command(t, env, "healthcheck", "--ready"); status != 1 || !strings.Contains(err, "/readyz answers 503") {
		t.Errorf("while draining: status %d, %s", status, err)
	}
	must(t, []string{"WSBRIDGE_URL=" + s.url}, "publish", "a", "1") // everything goes on

	s.terminate()
	if status, _, err := command(t, env, "healthcheck"); status != 1 || !strings.Contains(err, "connection refused") {
		t.Errorf("of a server that is gone: status %d, %s", status, err)
	}
}
