package redistest

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStart(t *testing.T) {
	t.Parallel()
	a, b := Start(t), Start(t, "--maxmemory", "3mb")
	if a.Addr() == b.Addr() {
		t.Fatalf("two servers at %s", a.Addr())
	}
	a.Do("SET", "k", "two\r\nlines")
	if got := a.Do("GET", "k"); got != "two\r\nlines" {
		t.Errorf("GET: %q", got)
	}
	if got := b.Do("GET", "k"); got != "" {
		t.Errorf("GET on the other server: %q", got)
	}
	if got := b.Do("CONFIG", "GET", "maxmemory"); got != "maxmemory\n3145728" {
		t.Errorf("CONFIG GET: %q", got)
	}
	if got, want := a.List("EVAL", "return {1, {'two', false}, {}}", "0"), []string{"1", "two", ""}; !cmp.Equal(got, want) {
		t.Errorf("List: %q, want %q", got, want)
	}
	if _, err := a.TryDo("INCR", "k"); err == nil || !strings.HasPrefix(err.Error(), "ERR ") {
		t.Errorf("INCR of a text: %v", err)
	}
	if !strings.Contains(a.Log(), "Ready to accept connections") {
		t.Errorf("log: %q", a.Log())
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	s := Start(t, "--requirepass", `se"cret`)
	if got := s.Do("ACL", "WHOAMI"); got != "default" {
		t.Errorf("WHOAMI: %q", got)
	}
	if got := s.Replica(t).Role(); got != "slave" {
		t.Errorf("role of the replica: %q", got)
	}
}

func TestFreezeAndThaw(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.Freeze()
	if _, err := s.call(100*time.Millisecond, "PING"); err == nil || !err.(net.Error).Timeout() {
		t.Errorf("PING while frozen: %v", err)
	}
	s.Thaw()
	if got := s.Do("PING"); got != "PONG" {
		t.Errorf("PING after: %q", got)
	}
	s.Freeze()
	s.Kill()
	s.Restart()
	s.Do("PING")
}

func TestRestart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		start          func(testing.TB, ...string) *Server
		restart        func(*Server)
		want, nextTime string
	}{
		{"without a file", Start, (*Server).Restart, "", ""},
		{"with a file", StartAOF, (*Server).Restart, "1", "1"},
		{"empty", StartAOF, (*Server).RestartEmpty, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.start(t)
			s.Do("SET", "k", "1")
			pid := s.PID()
			s.Kill()
			if _, err := s.TryDo("PING"); err == nil {
				t.Error("a killed server answers")
			}
			c.restart(s)
			if s.PID() == pid {
				t.Error("the process is the same")
			}
			if got := s.Do("GET", "k"); got != c.want {
				t.Errorf("after the restart: %q, want %q", got, c.want)
			}
			s.Restart() // of one that runs
			if got := s.Do("GET", "k"); got != c.nextTime {
				t.Errorf("after the next: %q, want %q", got, c.nextTime)
			}
		})
	}
}

func TestBadSettingFails(t *testing.T) {
	t.Parallel()
	s := &Server{t: t, dir: t.TempDir(), port: Port(t)}
	if err := s.configure([]string{"--no-such-setting", "1"}); err != nil {
		t.Fatal(err)
	}
	if err := s.run(); err == nil || !strings.Contains(err.Error(), "no-such-setting") {
		t.Errorf("start with a bad setting: %v", err)
	}
}

func TestTakenPortIsTold(t *testing.T) {
	t.Parallel()
	s := Start(t)
	other := &Server{t: t, dir: t.TempDir(), port: s.port}
	if err := other.configure([]string{"--port", strconv.Itoa(s.port)}); err != nil {
		t.Fatal(err)
	}
	if err := other.run(); err != errPortTaken {
		t.Errorf("start on a port in use: %v", err)
	}
}
