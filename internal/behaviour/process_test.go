package behaviour

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/wsbridge/wsbridge/internal/auth"
)

// A process is the server as people run it.
type process struct {
	*server
	cmd *exec.Cmd
	log *logFile
}

// build returns the path of the server's binary.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "wsbridge")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/wsbridge/wsbridge/cmd/wsbridge").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// run starts wsbridge serve on free ports. It is killed after the test unless it has ended.
func run(t *testing.T, env ...string) *process {
	t.Helper()
	tokens, err := auth.NewTokens(auth.TokenOptions{Keys: []auth.Secret{auth.NewSecret(tokenKey)}})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{server: &server{t: t, tokens: tokens}, log: &logFile{listening: make(chan struct{})}}
	p.cmd = exec.Command(build(t), "serve")
	p.cmd.Env = append([]string{
		"WSBRIDGE_ADDR=127.0.0.1:0", "WSBRIDGE_ADMIN_ADDR=off",
		"WSBRIDGE_API_KEYS=" + apiKey, "WSBRIDGE_TOKEN_KEYS=" + tokenKey,
	}, env...)
	p.cmd.Stderr = p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		p.cmd.Process.Kill() // an error says that it has ended, which is what was wanted
		p.cmd.Wait()
		if t.Failed() {
			t.Logf("its log:\n%s", p.log)
		}
	})
	select {
	case <-p.log.listening:
	case <-t.Context().Done():
		t.Fatal("it does not listen")
	}
	p.url = p.log.address(t)
	return p
}

// terminate asks the process to stop.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// A logFile keeps what a process logs, and sees when it listens.
type logFile struct {
	mu        sync.Mutex // guards what follows
	text      bytes.Buffer
	heard     bool
	listening chan struct{}
}

func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	if !l.heard && bytes.Contains(l.text.Bytes(), []byte(`"msg":"listening"`)) && bytes.HasSuffix(b, []byte("\n")) {
		l.heard = true
		close(l.listening)
	}
	return len(b), nil
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logFile) address(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(l.String()) {
		var entry struct{ Msg, Addr string }
		if err := json.Unmarshal([]byte(line), &entry); err == nil && entry.Msg == "listening" {
			return "http://" + entry.Addr
		}
	}
	t.Fatal("the log does not say where it listens")
	return ""
}
