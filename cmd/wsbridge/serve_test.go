package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/wsbridge/wsbridge/client/raw"
)

func TestDevOverEveryTransport(t *testing.T) {
	s := startServer(t, nil, "--dev")
	env := []string{"WSBRIDGE_URL=" + s.url}
	listeners := make(map[string]*process)
	for _, transport := range raw.Transports() {
		listeners[transport.String()] = s.listening("--transport="+transport.String(), "--count=3", "orders:42")
	}
	must(t, env, "publish", "orders:42", `{"n":9007199254740993}`)
	must(t, env, "publish", "orders:42", "plain text", "--event=said", "--meta", "a=b,c=d")
	must(t, env, "publish", "orders:42", "raw", "--binary", "--content-type=image/png")
	for name, p := range listeners {
		if status := p.status(); status != 0 {
			t.Errorf("%s: status %d: %s", name, status, &p.err)
		}
		lines := strings.Split(strings.TrimSpace(p.out.String()), "\n")
		for i, want := range []string{
			`"data":{"n":9007199254740993}`,
			`"event":"said","data":"plain text"`,
			`"data_base64":"cmF3"`,
		} {
			if len(lines) != 3 || !strings.Contains(lines[i], want) {
				t.Errorf("%s: line %d of %q lacks %s", name, i, lines, want)
			}
		}
		if !strings.Contains(p.out.String(), `"meta":{"a":"b,c=d"}`) || !strings.Contains(p.out.String(), `"meta":{"content-type":"image/png"}`) {
			t.Errorf("%s: meta is lost: %s", name, &p.out)
		}
	}
	s.terminate()
}

func TestKeysAreInForce(t *testing.T) {
	s := startServer(t, keys)
	url := "WSBRIDGE_URL=" + s.url
	token := strings.TrimSpace(must(t, keys, "token", "ann", "--can", "chat:*=publish,subscribe", "--ttl=10m"))

	if status, _, err := command(t, []string{url}, "publish", "chat:1", "1"); status != 1 || !strings.Contains(err, "401 unauthorized") {
		t.Errorf("publish without a key: status %d, %s", status, err)
	}
	if status, _, err := command(t, []string{url, "WSBRIDGE_TOKEN=" + token}, "publish", "news", "1"); status != 1 || !strings.Contains(err, "403 forbidden") {
		t.Errorf("publish beyond the token: status %d, %s", status, err)
	}
	for _, transport := range raw.Transports() {
		status, out, err := command(t, []string{url}, "listen", "chat:1", "--transport="+transport.String())
		if status != 1 || out != "" || !strings.Contains(err, "unauthorized") {
			t.Errorf("listen without a token over %v: status %d, %s%s", transport, status, out, err)
		}
	}
	p := s.listening("chat:1", "--token="+token, "--count=2")
	must(t, []string{url, "WSBRIDGE_TOKEN=" + token}, "publish", "chat:1", "from ann")
	must(t, []string{url, "WSBRIDGE_API_KEY=" + testAPIKey}, "publish", "chat:1", "from the backend")
	if status := p.status(); status != 0 || !strings.Contains(p.out.String(), `"from":{"user":"ann"`) {
		t.Errorf("status %d: %s%s", status, &p.out, &p.err)
	}
	if status, _ := get(t, s.url+"/"); status != http.StatusNotFound {
		t.Errorf("there is a page without --dev or --demo: %d", status)
	}
}

func TestDemoServesThePageWithKeys(t *testing.T) {
	s := startServer(t, keys, "--demo")
	if status, body := get(t, s.url+"/"); status != 200 || !strings.Contains(body, "<html") {
		t.Errorf("the page: %d", status)
	}
	if status, _ := get(t, s.url+"/v1/channels"); status != http.StatusUnauthorized {
		t.Errorf("a backend's call without a key: %d", status)
	}
}

func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	other := map[string]string{"addr": "admin-addr", "admin-addr": "addr"}
	for name := range other {
		status, _, text := command(t, nil, "serve", "--dev", "--"+other[name]+"=127.0.0.1:0", "--"+name+"="+l.Addr().String())
		if status != 1 || !strings.Contains(text, name+": listen tcp "+l.Addr().String()) {
			t.Errorf("%s: status %d, %s", name, status, text)
		}
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	s := startServer(t, []string{"WSBRIDGE_DRAIN_DELAY=1h"}, "--dev")
	p := s.listening("a")
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.says(&s.err, "msg=stopping")
	s.terminate()
	p.says(&p.err, "again in")
}

func TestLimitsAreInForce(t *testing.T) {
	s := startServer(t, []string{"WSBRIDGE_MAX_MESSAGE=1KiB", "WSBRIDGE_MAX_BATCH=200KiB"}, "--dev")
	batch := func(messages, bytes int) string {
		item := `{"channel":"a","data":"` + strings.Repeat("x", bytes) + `"}`
		return `{"messages":[` + strings.Repeat(item+",", messages-1) + item + `]}`
	}
	for _, tt := range []struct {
		path, body, says string
	}{
		{"/v1/channels/a/messages", `"` + strings.Repeat("x", 1022) + `"`, `"duplicate":false`},
		{"/v1/channels/a/messages", `"` + strings.Repeat("x", 1023) + `"`, `"too_large"`},
		{"/v1/messages", batch(190, 1000), `"failed":0`},
		{"/v1/messages", batch(210, 1000), `"too_large"`},
	} {
		resp, err := http.Post(s.url+tt.path, "application/json", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(answer), tt.says) {
			t.Errorf("%d bytes to %s: %s, %v", len(tt.body), tt.path, answer, err)
		}
	}
}
