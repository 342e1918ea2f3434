package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// runVariable makes the test binary behave as the command itself, so that what is tested is
// the real process, under the race detector where the tests are.
const runVariable = "RUN_AS_WSBRIDGE"

func TestMain(m *testing.M) {
	if os.Getenv(runVariable) != "" {
		os.Unsetenv(runVariable)
		main()
		return
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// A process is a command that runs.
type process struct {
	t        *testing.T
	cmd      *exec.Cmd
	out, err output
	exited   chan struct{} // closed when it has
}

// begin starts a command with an environment of these variables alone.
func begin(t *testing.T, stdin io.Reader, env []string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(self, args...), exited: make(chan struct{})}
	// A race that is found must fail the test, and the detector not delay each process's end.
	p.cmd.Env = append([]string{runVariable + "=1", "GORACE=atexit_sleep_ms=0 exitcode=66 halt_on_error=1"}, env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, &p.out, &p.err
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.exited
	})
	return p
}

// status waits for the end.
func (p *process) status() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("%v did not end\n%s%s", p.cmd.Args[1:], &p.out, &p.err)
		return -1
	}
}

// command runs a command to its end.
func command(t *testing.T, env []string, args ...string) (status int, out, err string) {
	t.Helper()
	p := begin(t, nil, env, args...)
	status = p.status()
	return status, p.out.String(), p.err.String()
}

// must is command for what has to succeed.
func must(t *testing.T, env []string, args ...string) (out string) {
	t.Helper()
	status, out, err := command(t, env, args...)
	if status != 0 {
		t.Fatalf("wsbridge %v: status %d\n%s%s", args, status, out, err)
	}
	return out
}

// output is what a process has written so far.
type output struct {
	mu   sync.Mutex // guards what follows
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// eventually waits until done reports true.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("in vain: %s", what)
}

// says waits until an output contains a text.
func (p *process) says(o *output, text string) {
	p.t.Helper()
	end := time.Now().Add(patience)
	for !strings.Contains(o.String(), text) {
		select {
		case <-p.exited:
			if !strings.Contains(o.String(), text) {
				p.t.Fatalf("%v ended without saying %q\n%s%s", p.cmd.Args[1:], text, &p.out, &p.err)
			}
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			p.t.Fatalf("%v did not say %q\n%s%s", p.cmd.Args[1:], text, &p.out, &p.err)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		status int
		says   string
	}{
		{nil, 0, "Usage: wsbridge <command>"},
		{[]string{"--help"}, 0, "healthcheck"},
		{[]string{"serve", "--help"}, 0, "[WSBRIDGE_DRAIN_DELAY,"},
		{[]string{"sevre"}, 2, "unexpected argument sevre"},
		{[]string{"serve", "--port=80"}, 2, "unknown flag --port"},
		{[]string{"serve", "--dev", "--demo"}, 2, "--dev and --demo can't be used together"},
		{[]string{"publish"}, 2, `"<channel>"`},
		{[]string{"listen", "a", "--transport=pigeon"}, 2, "--transport must be one of"},
		{[]string{"listen", "a b"}, 1, "bad channel name"},
		{[]string{"listen", "--cursor=a@b"}, 1, "bad cursor"},
		{[]string{"publish", ":a", "1"}, 1, "bad channel name"},
	} {
		status, out, err := command(t, nil, tt.args...)
		if status != tt.status || !strings.Contains(out+err, tt.says) {
			t.Errorf("wsbridge %v: status %d, expected %d and %q\n%s%s", tt.args, status, tt.status, tt.says, out, err)
		}
		if status != 0 && strings.Count(err, "\n") != 1 {
			t.Errorf("wsbridge %v: not one line: %q", tt.args, err)
		}
	}
}

func TestRunEndsWellWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, err bytes.Buffer
	status := run([]string{"listen", "a", "--url=http://127.0.0.1:1"}, &terminal{nil, &out, &err, nil, ctx})
	if status != 0 || out.Len() != 0 {
		t.Errorf("status %d: %s%s", status, &out, &err)
	}
}

func TestVersion(t *testing.T) {
	out := must(t, nil, "version")
	if f := strings.Fields(out); len(f) != 4 || f[0] != "wsbridge" || !strings.HasPrefix(f[2], "go1.") {
		t.Errorf("version says %q", out)
	}
}
