package footprint

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A process is the server, seen from the test.
type process struct {
	t     testing.TB
	addr  string
	ask   io.Writer
	tells *bufio.Reader
	web   *http.Client
}

// start runs a server until the test is over.
func start(t testing.TB) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asServer+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, ask: in, tells: bufio.NewReader(out), web: &http.Client{Transport: &http.Transport{}, Timeout: patience}}
	t.Cleanup(func() {
		p.web.CloseIdleConnections()
		in.Close()
		stuck := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer stuck.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	line, err := p.tells.ReadString('\n')
	if err != nil {
		t.Fatalf("the server said no address: %v", err)
	}
	p.addr = strings.TrimSpace(line)
	return p
}

// report asks the server for a report.
func (p *process) report(question string) report {
	p.t.Helper()
	var r report
	_, err := fmt.Fprintln(p.ask, question)
	if err == nil {
		var line []byte
		if line, err = p.tells.ReadBytes('\n'); err == nil {
			err = json.Unmarshal(line, &r)
		}
	}
	if err != nil {
		p.t.Fatalf("the server gave no report: %v", err)
	}
	return r
}

// until waits for a report that is as it must be.
func (p *process) until(what string, reached func(report) bool) report {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		r := p.report(askNow)
		if reached(r) {
			return r
		}
		if time.Now().After(end) {
			p.t.Fatalf("after %v still not: %s; the server says %+v", patience, what, r)
		}
	}
}

// publish publishes a message and waits for the answer.
func (p *process) publish(channel, event string, payload []byte) {
	p.t.Helper()
	url := "http://" + p.addr + "/v1/channels/" + channel + "/messages?event=" + event
	resp, err := p.web.Post(url, "application/octet-stream", bytes.NewReader(payload))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusCreated {
		p.t.Fatalf("publishing was answered %s %s, %v", resp.Status, body, err)
	}
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
