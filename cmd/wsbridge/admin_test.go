package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/metrics"
)

func TestScrapeHasEveryName(t *testing.T) {
	s := startServer(t, nil, "--dev")
	for _, transport := range raw.Transports() {
		p := s.listening("a", "--count=1", "--transport="+transport.String())
		must(t, []string{"WSBRIDGE_URL=" + s.url}, "publish", "a", "1")
		p.status()
	}
	var text string
	eventually(t, "all clients have left", func() bool {
		_, text = get(t, s.admin+"/metrics")
		for _, transport := range raw.Transports() {
			if !strings.Contains(text, `wsbridge_connections{transport="`+transport.String()+`"} 0`) {
				return false
			}
		}
		return true
	})
	for _, m := range metrics.All() {
		if !strings.Contains(text, "# TYPE "+m.Name+" "+m.Type+"\n") || !strings.Contains(text, "\n"+m.Name) {
			t.Errorf("%s is not in the scrape", m.Name)
		}
	}
	for _, transport := range raw.Transports() {
		if line := `wsbridge_messages_delivered_total{transport="` + transport.String() + `"} `; strings.Contains(text, line+"0\n") {
			t.Errorf("%s0", line)
		}
	}
	for _, want := range []string{
		`wsbridge_messages_published_total{result="stored"} 5`,
		`wsbridge_http_requests_total{code="101",method="GET",route="/v1/ws"} 1`,
		"wsbridge_broker_up 1", "wsbridge_draining 0", "go_goroutines ", "process_open_fds ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("the scrape lacks %s", want)
		}
	}
}

func TestAdminIsNotPublic(t *testing.T) {
	s := startServer(t, nil, "--dev")
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		if status, _ := get(t, s.url+path); status != http.StatusNotFound {
			t.Errorf("%s on the public listener: %d", path, status)
		}
		if status, _ := get(t, s.admin+path); status != http.StatusOK {
			t.Errorf("%s on the admin listener: %d", path, status)
		}
	}
	if status, _ := get(t, s.admin+"/v1/channels"); status != http.StatusNotFound {
		t.Errorf("the API on the admin listener: %d", status)
	}
}
