// Package readme runs what README.md tells its readers to run, as it stands there, but for
// the port and the keys.
package readme

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	top      = "../.."
	patience = 2 * time.Minute // the first go run builds
)

// blocks returns the code of the README by language.
func blocks(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]string)
	parts := strings.Split(string(text), "```")
	for i := 1; i < len(parts); i += 2 {
		tag, code, _ := strings.Cut(parts[i], "\n")
		found[tag] = append(found[tag], code)
	}
	return found
}

// line returns the one line of the shell's blocks that contains what.
func line(t *testing.T, what string) string {
	t.Helper()
	for _, code := range blocks(t)["sh"] {
		for l := range strings.Lines(code) {
			if strings.Contains(l, what) {
				return strings.TrimSpace(l)
			}
		}
	}
	t.Fatalf("README.md has no %q", what)
	return ""
}

// A port is free, and stands for 8080 in what is run.
type port string

func freePort(t *testing.T) port {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, p, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port(p)
}

func (p port) in(text string) string { return strings.ReplaceAll(text, "localhost:8080", p.host()) }
func (p port) host() string          { return "localhost:" + string(p) }
func (p port) url(path string) string {
	return "http://" + p.host() + path
}

// A program is something that was started, and what it wrote so far.
type program struct {
	mu     sync.Mutex
	output bytes.Buffer
	ended  chan error
}

func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(b)
}

func (p *program) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// start runs a script in the top folder until the test is over, in a process group of its
// own: go run does not pass signals on.
func (p port) start(t *testing.T, script string) *program {
	t.Helper()
	cmd := exec.Command("bash", "-c", p.in(script))
	cmd.Dir = top
	cmd.Env = append(os.Environ(),
		"WSBRIDGE_ADDR=127.0.0.1:"+string(p), "WSBRIDGE_ADMIN_ADDR=off", "WSBRIDGE_URL="+p.url(""),
		"WSBRIDGE_DRAIN_DELAY=0s", "WSBRIDGE_DRAIN=1s")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out := &program{ended: make(chan error, 1)}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { out.ended <- cmd.Wait() }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-out.ended:
		case <-time.After(patience):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			t.Errorf("%s does not end:\n%s", script, out.text())
		}
	})
	return out
}

// until waits for a condition.
func until(t *testing.T, what string, p *program, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if condition() {
			return
		}
		select {
		case err := <-p.ended:
			p.ended <- err
			t.Fatalf("waiting for %s: it ended with %v\n%s", what, err, p.text())
		default:
		}
	}
	t.Fatalf("waited %v for %s\n%s", patience, what, p.text())
}

// serve starts a server by a script of the README.
func (p port) serve(t *testing.T, script string) {
	t.Helper()
	server := p.start(t, script)
	until(t, "the server", server, func() bool {
		answer, err := http.Get(p.url("/readyz"))
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// get asks the API and decodes the answer.
func (p port) get(t *testing.T, path, key string, into any) {
	t.Helper()
	answer := p.ask(t, path, key)
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", path, answer.Status, err)
	}
}

func (p port) ask(t *testing.T, path, bearer string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url(path), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestQuickStart(t *testing.T) {
	p := freePort(t)
	p.serve(t, line(t, "serve --dev"))
	stream := p.start(t, line(t, "curl -N"))
	listener := p.start(t, line(t, "wsbridge listen"))
	until(t, "two subscribers", listener, func() bool {
		var channel struct{ Subscribers int }
		p.get(t, "/v1/channels/orders:42", "", &channel)
		return channel.Subscribers == 2
	})
	publish := p.start(t, line(t, "curl --json"))
	for _, reader := range []*program{publish, stream, listener} {
		if err := <-publish.ended; err != nil {
			t.Fatalf("curl: %v\n%s", err, publish.text())
		}
		publish.ended <- nil
		if reader == publish {
			if !strings.Contains(publish.text(), `"duplicate":false`) {
				t.Errorf("published: %s", publish.text())
			}
			continue
		}
		until(t, "the message", reader, func() bool { return strings.Contains(reader.text(), `"data":{"state":"paid"}`) })
	}
}

// TestBench loses nothing on the way, however slow the machine is.
func TestBench(t *testing.T) {
	p := freePort(t)
	p.serve(t, line(t, "serve --dev"))
	bench := p.start(t, line(t, "wsbridge bench")+" --patience 60s")
	err := <-bench.ended
	bench.ended <- err
	if err != nil || !strings.Contains(bench.text(), " 0 lost, 0 doubled, 0 out of order, 0 damaged; 0 gaps, 0 connections closed") {
		t.Errorf("%v\n%s", err, bench.text())
	}
}

// TestSeveralInstances publishes on one instance and listens on another.
func TestSeveralInstances(t *testing.T) {
	redis, a, b := freePort(t), freePort(t), freePort(t)
	place := strings.NewReplacer("127.0.0.1:8090", "127.0.0.1:"+string(b), "localhost:8090", b.host(),
		"6379", string(redis)+" --save '' --appendonly no")
	a.start(t, place.Replace(line(t, "redis-server")))
	place = strings.NewReplacer("127.0.0.1:8090", "127.0.0.1:"+string(b), "localhost:8090", b.host(), "6379", string(redis))
	var instances []string
	for l := range strings.Lines(strings.Join(blocks(t)["sh"], "")) {
		if strings.Contains(l, "--redis-url") {
			instances = append(instances, place.Replace(strings.TrimSpace(l)))
		}
	}
	if len(instances) != 2 {
		t.Fatalf("README.md starts %d instances on Redis", len(instances))
	}
	a.serve(t, instances[0])
	b.serve(t, instances[1])
	stream := a.start(t, place.Replace(line(t, "localhost:8090/v1/sse")))
	until(t, "a subscriber, as the other instance sees it", stream, func() bool {
		var channel struct{ Subscribers int }
		a.get(t, "/v1/channels/orders:42", "", &channel)
		return channel.Subscribers == 1
	})
	publish := a.start(t, line(t, "curl --json"))
	until(t, "the message", stream, func() bool { return strings.Contains(stream.text(), `"data":{"state":"paid"}`) })
	if err := <-publish.ended; err != nil {
		t.Errorf("curl: %v\n%s", err, publish.text())
	}
	publish.ended <- nil
}

const apiKey, tokenKey = "an-api-key-of-the-tests", "a-token-key-of-the-tests-of-32-bytes"

// withKeys returns the script that starts a server with keys, which are ours.
func withKeys(t *testing.T) string {
	t.Helper()
	var script string
	for _, code := range blocks(t)["sh"] {
		if strings.Contains(code, "WSBRIDGE_TOKEN_KEYS=") {
			script = strings.Replace(strings.Replace(code, "$(openssl rand -hex 32)", apiKey, 1), "$(openssl rand -hex 32)", tokenKey, 1)
		}
	}
	if !strings.Contains(script, apiKey) || !strings.Contains(script, tokenKey) {
		t.Fatalf("README.md starts no server with keys: %s", script)
	}
	return script
}

// TestPrograms runs each program twice. Its second message is the first again, for the
// idempotency key, and each time it prints a token that the server takes.
func TestPrograms(t *testing.T) {
	all, server := blocks(t), withKeys(t)
	for _, language := range []struct {
		tag, file string
		run       []string
	}{
		{"go", "main.go", []string{"go", "run"}},
		{"js", "main.mjs", []string{"node"}},
		{"python", "main.py", []string{"python3"}},
		{"php", "main.php", []string{"php"}},
	} {
		t.Run(language.tag, func(t *testing.T) {
			if len(all[language.tag]) != 1 {
				t.Fatalf("README.md has %d programs in %s", len(all[language.tag]), language.tag)
			}
			p := freePort(t)
			p.serve(t, server)
			file := filepath.Join(t.TempDir(), language.file)
			if err := os.WriteFile(file, []byte(p.in(all[language.tag][0])), 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				cmd := exec.Command(language.run[0], append(language.run[1:], file)...)
				cmd.Dir = filepath.Dir(file)
				cmd.Env = append(os.Environ(), "API_KEY="+apiKey, "TOKEN_KEY="+tokenKey)
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%v\n%s", err, stderr(err))
				}
				p.checkToken(t, strings.TrimSpace(string(out)))
			}
			var log struct {
				Messages []struct{ Data json.RawMessage }
			}
			p.get(t, "/v1/channels/orders:42/messages", apiKey, &log)
			if len(log.Messages) != 1 || string(log.Messages[0].Data) != `{"state":"paid"}` {
				t.Errorf("the log holds %d messages: %+v", len(log.Messages), log)
			}
		})
	}
}

func stderr(err error) string {
	if e, ok := err.(*exec.ExitError); ok {
		return string(e.Stderr)
	}
	return ""
}

// checkToken connects with a token that lets ann subscribe to orders, and nothing else.
func (p port) checkToken(t *testing.T, token string) {
	t.Helper()
	answer := p.ask(t, "/v1/http-stream?channels=orders:1", token)
	defer answer.Body.Close()
	welcome, err := bufio.NewReader(answer.Body).ReadString('\n')
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(welcome, `"user":"ann"`) {
		t.Errorf("with the token: %s, %s, %v", answer.Status, welcome, err)
	}
	refused := p.ask(t, "/v1/poll?wait=0&channels=chat:1", token)
	defer refused.Body.Close()
	if body, _ := io.ReadAll(refused.Body); refused.StatusCode != http.StatusForbidden {
		t.Errorf("on another channel: %s, %s", refused.Status, body)
	}
}
