package behaviour

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/wsbridge/wsbridge/internal/auth"
)

// A process is the server as people run it. It is built without the race detector, whose
// bookkeeping would be measured with it.
type process struct {
	*server
	cmd   *exec.Cmd
	admin string
	log   *logFile
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
		"WSBRIDGE_ADDR=127.0.0.1:0", "WSBRIDGE_ADMIN_ADDR=127.0.0.1:0",
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
	p.url, p.admin = p.log.addresses(t)
	return p
}

// terminate asks the process to stop.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// A usage is what a process holds.
type usage struct {
	goroutines, descriptors int
	heap                    int64 // bytes, behind a garbage collection
}

// usage collects garbage and measures. The connection on which it asks is always a new one,
// and so counts each time.
func (p *process) usage(t *testing.T) usage {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	for range 2 { // what a sync.Pool holds outlives one collection
		p.ask(t, "/debug/pprof/heap?gc=1")
	}
	m := p.metrics(t)
	return usage{int(m["go_goroutines"]), int(m["process_open_fds"]), int64(m["go_memstats_heap_alloc_bytes"])}
}

// metrics scrapes. The key of a series is as it is written, labels and all.
func (p *process) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	m := make(map[string]float64)
	lines := bufio.NewScanner(bytes.NewReader(p.ask(t, "/metrics")))
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseFloat(value, 64); ok && err == nil {
			m[name] = n
		}
	}
	return m
}

var once = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}

func (p *process) ask(t *testing.T, path string) []byte {
	t.Helper()
	resp, err := once.Get(p.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", path, resp.Status, err)
	}
	return body
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

func (l *logFile) addresses(t *testing.T) (public, admin string) {
	t.Helper()
	for line := range strings.Lines(l.String()) {
		var entry struct {
			Msg, Addr string
			Admin     string `json:"admin_addr"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err == nil && entry.Msg == "listening" {
			return "http://" + entry.Addr, "http://" + entry.Admin
		}
	}
	t.Fatal("the log does not say where it listens")
	return "", ""
}
