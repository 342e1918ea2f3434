package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/wsbridge/wsbridge/client/raw"
)

func TestListenTellsOfGaps(t *testing.T) {
	s := startServer(t, nil, "--dev")
	must(t, []string{"WSBRIDGE_URL=" + s.url}, "publish", "a", "1")
	p := s.listening("--cursor=a@lost-7-00000000", "--count=1")
	if status := p.status(); status != 0 || !strings.Contains(p.err.String(), "gap in a: epoch, from lost-7-00000000 to ") {
		t.Errorf("status %d: %s%s", status, &p.out, &p.err)
	}
}

func TestListenGoesOnBehindItsCursor(t *testing.T) {
	s := startServer(t, nil, "--dev")
	env := []string{"WSBRIDGE_URL=" + s.url}
	must(t, env, "publish", "a", "1")
	must(t, env, "publish", "a", "2")
	for _, transport := range raw.Transports() {
		out := must(t, env, "listen", "--cursor=a@0", "--count=2", "--transport="+transport.String())
		if !strings.Contains(out, `"data":1,`) || !strings.Contains(out, `"data":2,`) || strings.Count(out, "\n") != 2 {
			t.Errorf("%v: %s", transport, out)
		}
	}
}

func TestListenEndsWithASignal(t *testing.T) {
	s := startServer(t, nil, "--dev")
	p := s.listening("a")
	p.cmd.Process.Signal(syscall.SIGINT)
	if status := p.status(); status != 0 {
		t.Errorf("status %d: %s", status, &p.err)
	}
}
