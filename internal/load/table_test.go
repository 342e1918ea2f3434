package load

import (
	"runtime"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	r := Report{
		Workload: "fanout", Transport: "WebSocket", URL: "http://127.0.0.1:8080", Clients: 1000, Channels: 1, Rate: 50, Cores: 0.567,
		Connects:   Measure{Count: 1000, PerSecond: 4049.4, P50: 13.2, P99: 47.25, P999: 53, Max: 54.5},
		Publishes:  Measure{Count: 200, Failed: 1, PerSecond: 20.06, P50: 0.319, P99: 24, P999: 24, Max: 2400},
		Deliveries: Measure{Count: 200_000, Failed: 12, PerSecond: 20081, P50: 11, P99: 25.2, P999: 27.8, Max: 28.2},
		Checked:    Checked{Expected: 200_012, Lost: 12, Doubled: 1, OutOfOrder: 2, Damaged: 3, Gaps: 1, Closed: 1},
		Reasons:    []Reason{{"publishing: 503 unavailable", 1}},
	}
	head := strings.Replace(`
fanout: 1,000 clients over WebSocket on 1 channel of http://127.0.0.1:8080

                count  failed  a second      p50      p99    p99.9      max
    connects    1,000       0     4,049  13.2 ms  47.2 ms    53 ms  54.5 ms
   publishes      200       1      20.1   319 µs    24 ms    24 ms    2.4 s
  deliveries  200,000      12    20,081    11 ms  25.2 ms  27.8 ms  28.2 ms

200,012 deliveries expected: 12 lost, 1 doubled, 2 out of order, 3 damaged; 1 gap, 1 connection closed
this program took 0.57 of CORES meanwhile
1 × publishing: 503 unavailable
`, "CORES", plural(runtime.GOMAXPROCS(0), "core"), 1)
	const slow = "the rate of 50.0 was not reached: the server or this program is at its limit, or more --publishers are needed\n"
	const interrupted = "interrupted: this is what was measured until then\n"
	for _, tt := range []struct {
		change func()
		tail   string
	}{
		{func() {}, slow},
		{func() { r.Interrupted = true }, interrupted},
		{func() { r.Ended = "all is lost" }, "ended early: all is lost\n"},
		{func() { r.Ended, r.Interrupted, r.Rate = "", false, 20 }, ""},
	} {
		tt.change()
		var b strings.Builder
		if err := r.WriteTable(&b); err != nil {
			t.Fatal(err)
		}
		var trimmed strings.Builder // the table ends its lines with the last column's padding
		for l := range strings.Lines(b.String()) {
			trimmed.WriteString(strings.TrimRight(l, " \n") + "\n")
		}
		if trimmed.String() != head+tt.tail {
			t.Errorf("it is\n%s\nand should be\n%s", &trimmed, head+tt.tail)
		}
	}
	const wrong = "12 lost, 1 doubled, 2 out of order, 3 damaged, 1 gaps, 1 connections closed, 1 publishes failed"
	if err := r.Err(); err == nil || !strings.HasSuffix(err.Error(), wrong) {
		t.Error(err)
	}
}

func TestThousands(t *testing.T) {
	for n, text := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 999_999: "999,999", 1_000_000: "1,000,000"} {
		if thousands(n) != text {
			t.Errorf("%d is %s", n, thousands(n))
		}
	}
}
