package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMain is the publishing process as well, which the program starts from its own file.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-way" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestEverythingIsMeasured holds that there is a figure for each row. So little says nothing of
// speed, so no figure is looked at.
func TestEverythingIsMeasured(t *testing.T) {
	t.Chdir("../..")
	var out strings.Builder
	if err := run(t.Context(), &out, plan{rounds: 1, publishes: 1600, requests: 200, slices: 1, slice: 50 * time.Millisecond}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, row := range []string{
		`\| redis-benchmark -c 64 -P 16 with the script \| [1-9]\d* \| 1\.00 \|`,
		`\| Broker\.Publish, 64 goroutines \| [1-9]\d* \| \d+\.\d\d \|`,
		`\| POST of one message, 64 connections \| [1-9]\d* \|`,
		`\| POST of 100 messages, 64 connections \| [1-9]\d* \|`,
		`\| PUBLISH, SUBSCRIBE of go-redis \| [1-9]\d* µs \| [1-9]\d* µs \| 1\.00 \|`,
		"\\| `EVALSHA` of go-redis, the smallest relay \\| [1-9]\\d* µs \\|",
		`\| POST to an instance, WebSocket of another \| [1-9]\d* µs \|`,
		"\\| `Broker.Publish`, WebSocket of an instance \\| [1-9]\\d* µs \\|",
	} {
		if !regexp.MustCompile(row).MatchString(out.String()) {
			t.Errorf("no row %s in\n%s", row, &out)
		}
	}
}

func TestMedianAndPercentile(t *testing.T) {
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("the median is %v", got)
	}
	var all []time.Duration
	for i := range 100 {
		all = append(all, time.Duration(100-i))
	}
	for share, want := range map[float64]time.Duration{0.5: 51, 0.99: 100, 0: 1} {
		if got := percentile(all, share); got != want {
			t.Errorf("the percentile of %v is %v, not %v", share, got, want)
		}
	}
}

func TestWordsOfMonitor(t *testing.T) {
	got := words(`1700000000.123456 [0 127.0.0.1:40000] "evalsha" "ab" "\x00 \"q\" \\ \r\n\xff" ""`)
	if want := "evalsha|ab|\x00 \"q\" \\ \r\n\xff|"; strings.Join(got, "|") != want {
		t.Errorf("%q", got)
	}
}
