package main

import (
	"bytes"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
)

func TestMaxConnections(t *testing.T) {
	for _, tt := range []struct {
		want   int
		files  uint64
		is     int
		warned bool
	}{
		{0, 1 << 20, 1_032_092, false},
		{0, 1024, 908, true},
		{0, 50, 1, true},
		{500, 1024, 500, false},
		{2000, 1024, 908, true},
		{100_000, 20_000, 19_588, true},
		{0, math.MaxUint64, 0, false},
		{7, math.MaxUint64, 7, false},
		{0, math.MaxUint64 - 1, 10_000_000, false},
	} {
		var log bytes.Buffer
		if got := maxConnections(tt.want, tt.files, slog.New(slog.NewTextHandler(&log, nil))); got != tt.is {
			t.Errorf("%d wanted, %d files: %d connections, expected %d", tt.want, tt.files, got, tt.is)
		}
		if warned := strings.Contains(log.String(), "few files may be open"); warned != tt.warned {
			t.Errorf("%d wanted, %d files: log %q", tt.want, tt.files, log.String())
		}
	}
}

// The settings reach the server, and what it refuses is counted under the limit's name.
func TestLimitsOfClientsAreInForce(t *testing.T) {
	for _, tt := range []struct {
		setting, limit string
		status         int
	}{
		{"WSBRIDGE_MAX_CONNECTIONS=2", "connections", 503},
		{"WSBRIDGE_MAX_CONNECTIONS_PER_ADDRESS=2", "connections_per_address", 429},
		{"WSBRIDGE_CONNECT_RATE=1", "connect_rate", 503},
		{"WSBRIDGE_REQUEST_RATE_PER_ADDRESS=1", "request_rate_per_address", 429},
	} {
		t.Run(tt.setting, func(t *testing.T) {
			s := startServer(t, []string{tt.setting}, "--dev")
			status := http.StatusOK
			for n := 0; status == http.StatusOK && n < 1000; n++ {
				resp, err := http.Get(s.url + "/v1/sse?channels=a")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { resp.Body.Close() })
				status = resp.StatusCode
			}
			if status != tt.status {
				t.Errorf("refused with %d, want %d", status, tt.status)
			}
			if _, text := get(t, s.admin+"/metrics"); !strings.Contains(text, `wsbridge_limited_total{limit="`+tt.limit+`"} 1`+"\n") {
				t.Error("the refusal is not counted")
			}
		})
	}
}
