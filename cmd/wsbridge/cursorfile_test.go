package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// numbers returns the data of what a listener printed.
func numbers(out string) (all []string) {
	for line := range strings.Lines(out) {
		_, data, _ := strings.Cut(line, `"data":`)
		data, _, _ = strings.Cut(data, ",")
		all = append(all, data)
	}
	return all
}

func TestListenGoesOnBehindItsCursorFile(t *testing.T) {
	s := startServer(t, nil, "--dev")
	env := []string{"WSBRIDGE_URL=" + s.url}
	dir := t.TempDir()
	file := filepath.Join(dir, "cursor")
	for n := range 20 {
		must(t, env, "publish", "a", fmt.Sprint(n))
	}
	if out := must(t, env, "listen", "--cursor=a@0", "--cursor-file="+file, "--count=3"); strings.Join(numbers(out), " ") != "0 1 2" {
		t.Errorf("the first time: %s", out)
	}
	// The file beats the cursor, and a transport goes on where another one was.
	for n, transport := range []string{"sse", "long-poll", "poll", "http-stream"} {
		out := must(t, env, "listen", "--cursor=a@0", "--cursor-file="+file, "--count=2", "--transport="+transport)
		if want := fmt.Sprint(3+2*n, " ", 4+2*n); strings.Join(numbers(out), " ") != want {
			t.Errorf("by %s: %v, expected %s", transport, numbers(out), want)
		}
	}
	if out := must(t, env, "listen", "--cursor-file="+file, "--count=1", "a"); strings.Join(numbers(out), " ") != "11" {
		t.Errorf("with the channel named: %s", out)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("beside the file stand %v, %v", left, err)
	}
}

func TestCrashOfAListenerLosesNothing(t *testing.T) {
	s := startServer(t, nil, "--dev")
	env := []string{"WSBRIDGE_URL=" + s.url}
	file := filepath.Join(t.TempDir(), "cursor")
	must(t, env, "publish", "a", "0")
	var printed []string
	for n := 1; n <= 3; n++ {
		p := s.listening("--cursor=a@0", "--cursor-file="+file)
		must(t, env, "publish", "a", fmt.Sprint(n))
		p.says(&p.out, fmt.Sprintf(`"data":%d,`, n))
		p.cmd.Process.Kill()
		<-p.exited
		printed = append(printed, numbers(p.out.String())...)
	}
	// In order, and those at the seams perhaps twice.
	last := -1
	for _, text := range printed {
		n := -1
		fmt.Sscan(text, &n)
		if n > last+1 {
			t.Fatalf("message %d was lost: %v", last+1, printed)
		}
		last = max(last, n)
	}
	if last != 3 {
		t.Errorf("printed: %v", printed)
	}
}

func TestCursorFileThatHoldsSomethingElse(t *testing.T) {
	s := startServer(t, nil, "--dev")
	file := filepath.Join(t.TempDir(), "cursor")
	if err := os.WriteFile(file, []byte("remember the milk\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, err := command(t, []string{"WSBRIDGE_URL=" + s.url}, "listen", "--cursor-file="+file, "a")
	if status != statusFailed || !strings.Contains(err, "holds no cursor; move it away") {
		t.Errorf("status %d: %s", status, err)
	}
	if text, _ := os.ReadFile(file); string(text) != "remember the milk\n" {
		t.Errorf("the file holds %q now", text)
	}
	status, _, err = command(t, []string{"WSBRIDGE_URL=" + s.url}, "listen", "--cursor=a@0", "--cursor-file=/no/such/folder/cursor", "a")
	if status != statusFailed || !strings.Contains(err, "the cursor file cannot be written") {
		t.Errorf("in a folder that is not there: status %d: %s", status, err)
	}
}
