package redistest

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
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

// orphan is set in the environment of a test binary that is to leave a server behind.
const orphan = "WSBRIDGE_REDISTEST_ORPHAN"

// TestServersDieWithTheTest starts this test once more in a process of its own, which is
// killed while its server runs.
func TestServersDieWithTheTest(t *testing.T) {
	if os.Getenv(orphan) != "" {
		os.Stdout.WriteString(strconv.Itoa(Start(t).PID()) + "\n")
		select {}
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServersDieWithTheTest$")
	cmd.Env = append(os.Environ(), orphan+"=1", "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 32)
	n, err := out.Read(buf)
	cmd.Process.Kill()
	cmd.Wait()
	pid, _ := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil || pid == 0 {
		t.Fatalf("the other process said %q, %v", buf[:n], err)
	}
	for end := time.Now().Add(settling); syscall.Kill(pid, 0) == nil && !zombie(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("redis-server %d outlived its test", pid)
		}
	}
}

// zombie reports whether a process has ended and only waits for init to notice.
func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}
