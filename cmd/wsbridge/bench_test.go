package main

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/internal/load"
)

// benches are runs of each workload that are over soon.
var benches = [][]string{
	{"connects", "--clients=20", "--channels=3"},
	{"fanout", "--clients=20", "--rate=100", "--duration=200ms"},
	{"unicast", "--clients=20", "--window=4", "--duration=500ms"},
	{"long-poll", "--clients=20", "--rate=200", "--duration=200ms"},
	{"sse", "--clients=20", "--rate=100", "--duration=200ms", "--size=1000"},
}

func TestBench(t *testing.T) {
	for _, env := range [][]string{nil, keys} {
		mode := "with keys"
		args := []string{}
		if env == nil {
			mode, args = "dev", []string{"--dev"}
		}
		s := startServer(t, env, args...)
		for _, bench := range benches {
			bench := slices.Clip(bench)
			t.Run(bench[0]+" "+mode, func(t *testing.T) {
				clientEnv := []string{"WSBRIDGE_URL=" + s.url}
				if env != nil {
					clientEnv = append(clientEnv, "WSBRIDGE_API_KEY="+testAPIKey)
				}
				var report load.Report
				out := must(t, clientEnv, append([]string{"bench"}, append(bench, "--json", "--patience=30s")...)...)
				if err := json.Unmarshal([]byte(out), &report); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				if report.Workload != bench[0] || report.Connects.Count != 20 || report.Deliveries.Count < 1 ||
					report.Checked != (load.Checked{Expected: report.Deliveries.Count}) {
					t.Errorf("%s", out)
				}
				out = must(t, clientEnv, append([]string{"bench"}, append(bench, "--patience=30s")...)...)
				for _, text := range []string{bench[0] + ": 20 clients over ", " p99.9 ", "\n    connects  ", " expected: 0 lost, 0 doubled, 0 out of order, 0 damaged; 0 gaps, 0 connections closed\n"} {
					if !strings.Contains(out, text) {
						t.Errorf("there is no %q in\n%s", text, out)
					}
				}
			})
		}
		s.terminate()
	}
}

// TestBenchOverTLS puts a proxy that ends TLS in front, as most sites have one.
func TestBenchOverTLS(t *testing.T) {
	s := startServer(t, nil, "--dev")
	backend, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(backend)
			r.Out.URL.Path = strings.TrimPrefix(r.Out.URL.Path, "/base")
		},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0), // of connections that the bench has closed
	})
	defer proxy.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bench := range benches {
		bench = append(slices.Clip(bench), "--url="+proxy.URL+"/base/", "--patience=30s")
		out := must(t, []string{"SSL_CERT_FILE=" + authority}, append([]string{"bench"}, bench...)...)
		if !strings.Contains(out, " of "+proxy.URL+"/base\n") || !strings.Contains(out, " 0 lost, ") {
			t.Errorf("%s", out)
		}
		status, _, text := command(t, nil, append([]string{"bench"}, bench...)...)
		if status != 1 || !strings.Contains(text, "certificate") {
			t.Errorf("without the authority: status %d, %s", status, text)
		}
	}
}

func TestBenchInterrupted(t *testing.T) {
	s := startServer(t, nil, "--dev")
	p := begin(t, nil, []string{"WSBRIDGE_URL=" + s.url}, "bench", "fanout", "--clients=5", "--duration=1h")
	p.says(&p.err, "5 of 5 clients connected")
	p.cmd.Process.Signal(os.Interrupt)
	if status := p.status(); status != 0 {
		t.Errorf("status %d", status)
	}
	p.says(&p.out, "interrupted: this is what was measured until then\n")
	p.says(&p.out, " 0 lost,")
}

func TestBenchRefuses(t *testing.T) {
	s := startServer(t, keys)
	for _, tt := range []struct {
		env    []string
		args   []string
		status int
		says   string
	}{
		{nil, []string{"fanout", "--url=http://192.0.2.1"}, 1, "is not on this machine, and a load test disturbs whoever shares it"},
		{nil, []string{"fanout", "--url=http://127.0.0.1:1"}, 1, "connection refused"},
		{nil, []string{"fanout", "--url=" + s.url}, 1, "an API key is needed (--api-key or WSBRIDGE_API_KEY): 401 unauthorized"},
		{[]string{"WSBRIDGE_API_KEY=wrong"}, []string{"sse", "--url=" + s.url}, 1, "the API key: 401 unauthorized"},
		{nil, []string{"fanout", "--clients=1000000"}, 1, "clients: 1000000 is not between 1 and 25000"},
		{nil, []string{"fanout", "--rate=1", "--window=1"}, 2, "can't be used together"},
		{nil, []string{"connects", "--rate=1"}, 2, "unknown flag --rate"},
		{nil, []string{}, 2, "expected one of"},
	} {
		status, out, err := command(t, tt.env, append([]string{"bench"}, tt.args...)...)
		if status != tt.status || out != "" || !strings.Contains(err, tt.says) || strings.Count(err, "\n") != 1 {
			t.Errorf("bench %v: status %d, expected %d and %q\n%s%s", tt.args, status, tt.status, tt.says, out, err)
		}
	}
}

func TestTooFewFiles(t *testing.T) {
	if w := tooFewFiles(1024, 1000); !strings.Contains(w, "may open 1024 files, and 1000 clients need more") {
		t.Errorf("no warning: %q", w)
	}
	if w := tooFewFiles(20_000, 10_000); w != "" {
		t.Error(w)
	}
}
