package api

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestPublishLimit(t *testing.T) {
	s := newSite(t, nil)
	exactly := `"` + strings.Repeat("x", 256<<10-2) + `"`
	for _, kind := range []string{"application/json", "text/plain", "image/png"} {
		for _, chunked := range []bool{false, true} {
			for extra, want := range []int{201, 413} {
				c := call{method: "POST", path: "/v1/channels/a/messages", header: []string{"Content-Type: " + kind}, body: exactly + strings.Repeat(" ", extra)}
				if chunked {
					c.reader = strings.NewReader(c.body)
				}
				got := s.do(c)
				if got.status != want || want == 413 && got.code() != "too_large" {
					t.Errorf("%s, chunked %t, %d bytes too many: %d %.200s", kind, chunked, extra, got.status, got.body)
				}
			}
		}
	}
}

// TestPublishRefusesBeforeReading sends a header that announces too much, and no body.
func TestPublishRefusesBeforeReading(t *testing.T) {
	s := newSite(t, nil)
	body, unsent := io.Pipe()
	defer unsent.Close()
	req, err := http.NewRequest("POST", s.url+"/v1/channels/a/messages", body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 1 << 40
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+apiKey)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("status %d", resp.StatusCode)
	}
}
