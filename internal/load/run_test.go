package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var workloads = []Workload{Connects, Fanout, Unicast, LongPoll, SSE}

// few are options of a run that is over soon.
func few(url string) Options {
	return Options{URL: url, Clients: 4, Rate: 200, Duration: 200 * time.Millisecond, Patience: patience}
}

func TestWorkloads(t *testing.T) {
	url := startServer(t)
	for _, w := range workloads {
		for _, tt := range []struct {
			name                string
			o                   Options
			published, received int64 // at least
		}{
			{"at a rate", Options{Clients: 10, Rate: 500, Duration: 200 * time.Millisecond}, 100, 100},
			{"in a window", Options{Clients: 10, Window: 4, Duration: 500 * time.Millisecond}, 1, 1},
			{"on three channels", Options{Clients: 10, Channels: 3, Window: 4, Duration: 500 * time.Millisecond}, 1, 3},
			{"long messages", Options{Clients: 3, Rate: 100, Size: 100_000, Duration: 100 * time.Millisecond}, 10, 10},
			{"connecting slowly", Options{Clients: 10, ConnectRate: 100, Rate: 100, Duration: 100 * time.Millisecond}, 10, 10},
		} {
			t.Run(w.Name+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				tt.o.URL, tt.o.Patience = url, patience
				r, err := Run(t.Context(), w, tt.o)
				if err != nil {
					t.Fatal(err)
				}
				if err := r.Err(); err != nil {
					t.Error(err)
				}
				published, received := tt.published, tt.received
				if w.once {
					published, received = int64(r.Channels), int64(tt.o.Clients)
				}
				if r.Publishes.Count < published || r.Deliveries.Count < received || r.Checked.Expected != r.Deliveries.Count {
					t.Errorf("%+v", r)
				}
				if r.Connects.Count != int64(tt.o.Clients) || r.Connects.P50 <= 0 || r.Connects.PerSecond <= 0 {
					t.Errorf("connects: %+v", r.Connects)
				}
				if d := r.Deliveries; d.P50 <= 0 || d.P99 < d.P50 || d.P999 < d.P99 || d.Max < d.P999 || d.PerSecond <= 0 {
					t.Errorf("deliveries: %+v", d)
				}
				if r.Interrupted || len(r.Reasons) > 0 {
					t.Errorf("interrupted: %v, reasons: %v", r.Interrupted, r.Reasons)
				}
			})
		}
	}
}

// third makes a fault of what happens to the third message of each client.
func third(spoil func(message []byte) [][]byte) func() fault {
	return func() fault {
		n := 0
		return func(message []byte) [][]byte {
			if n++; n == 3 {
				return spoil(message)
			}
			return [][]byte{message}
		}
	}
}

// swapped keeps the third message of each client until the next one has been sent.
func swapped() fault {
	n, kept := 0, []byte(nil)
	return func(message []byte) [][]byte {
		switch n++; n {
		case 3:
			kept = message
			return nil
		case 4:
			return [][]byte{message, kept}
		}
		return [][]byte{message}
	}
}

// TestBadServersAreCaught is why the package can be believed: what a server does wrong with one
// message of each client is counted, once for each, over all transports.
func TestBadServersAreCaught(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault func() fault
		is    func(clients int64) Checked
	}{
		{"nothing", third(func(m []byte) [][]byte { return [][]byte{m} }), func(int64) Checked { return Checked{} }},
		{"loses", third(func([]byte) [][]byte { return nil }), func(n int64) Checked { return Checked{Lost: n} }},
		{"doubles", third(func(m []byte) [][]byte { return [][]byte{m, m} }), func(n int64) Checked { return Checked{Doubled: n} }},
		{"swaps", swapped, func(n int64) Checked { return Checked{OutOfOrder: n} }},
		{"damages", third(func(m []byte) [][]byte { return [][]byte{bytes.Replace(m, []byte("xx"), []byte("xy"), 1)} }),
			func(n int64) Checked { return Checked{Lost: n, Damaged: n} }},
		{"passes on another's", third(func(m []byte) [][]byte { return [][]byte{m, bytes.Replace(m, []byte(magic), []byte("another."), 1)} }),
			func(n int64) Checked { return Checked{Damaged: n} }},
		{"gives a gap", third(func([]byte) [][]byte {
			return [][]byte{[]byte(`{"type":"gap","channel":"a","reason":"overflow","from":"0","to":"0"}`)}
		}),
			func(n int64) Checked { return Checked{Lost: n, Gaps: n} }},
	} {
		for _, w := range []Workload{Fanout, Unicast, LongPoll, SSE} {
			t.Run(w.Name+" "+tt.name, func(t *testing.T) {
				t.Parallel()
				o := few(startBadServer(t, tt.fault, nil))
				o.Patience = 3 * time.Second
				r, err := Run(t.Context(), w, o)
				if err != nil {
					t.Fatal(err)
				}
				expected := tt.is(int64(o.Clients))
				expected.Expected = r.Publishes.Count * int64(o.Clients/r.Channels)
				if r.Checked != expected {
					t.Errorf("counted %+v, expected %+v; reasons: %v", r.Checked, expected, r.Reasons)
				}
				if bad := expected != (Checked{Expected: expected.Expected}); bad != (r.Err() != nil) {
					t.Errorf("the error is %v", r.Err())
				}
			})
		}
	}
}

func TestClosedConnectionsAreCounted(t *testing.T) {
	for _, w := range []Workload{Fanout, Unicast, LongPoll, SSE} {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			o := few(startBadServer(t, third(func([]byte) [][]byte { return [][]byte{nil} }), nil))
			o.Patience = time.Second
			r, err := Run(t.Context(), w, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Checked.Closed != int64(o.Clients) || r.Checked.Lost == 0 || r.Err() == nil || len(r.Reasons) == 0 {
				t.Errorf("%+v, reasons: %v", r.Checked, r.Reasons)
			}
		})
	}
}

// TestALosingServerEndsAWindow: what is lost keeps its place in the window, which is empty soon.
func TestALosingServerEndsAWindow(t *testing.T) {
	url := startBadServer(t, func() fault { return func([]byte) [][]byte { return nil } }, nil)
	r, err := Run(t.Context(), Fanout, Options{URL: url, Clients: 3, Window: 5, Duration: time.Hour, Patience: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Publishes.Count != 5 || r.Checked.Lost != 15 || r.Err() == nil {
		t.Errorf("%+v", r)
	}
}

func TestAcknowledgedAndLost(t *testing.T) {
	url := startBadServer(t, third(nil), onlyPosts(func(_ *badServer, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) }))
	o := few(url)
	o.Patience = 200 * time.Millisecond
	r, err := Run(t.Context(), Fanout, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Publishes.Count != 40 || r.Checked.Lost != 40*4 || r.Publishes.Failed != 0 {
		t.Errorf("%+v", r)
	}
}

// TestFailedPublishesAreNotLost: what was never published need not come, and what may have been
// may.
func TestFailedPublishesAreNotLost(t *testing.T) {
	for _, stored := range []bool{false, true} {
		t.Run(fmt.Sprintf("stored: %v", stored), func(t *testing.T) {
			t.Parallel()
			var n atomic.Int64
			o := few(startBadServer(t, third(func(m []byte) [][]byte { return [][]byte{m} }), onlyPosts(func(b *badServer, w http.ResponseWriter, r *http.Request) {
				if n.Add(1) != 3 {
					b.pass(w, r)
					return
				}
				if stored {
					b.pass(httptest.NewRecorder(), r)
				}
				w.WriteHeader(http.StatusServiceUnavailable)
				w.Write([]byte(`{"code":"outcome_unknown","detail":"ask again"}`))
			})))
			o.Patience = 3 * time.Second
			r, err := Run(t.Context(), Fanout, o)
			if err != nil {
				t.Fatal(err)
			}
			received := int64(39 * 4)
			if stored {
				received += 4
			}
			if r.Publishes.Count != 39 || r.Publishes.Failed != 1 || r.Deliveries.Count != received || r.Checked != (Checked{Expected: 39 * 4}) {
				t.Errorf("%+v", r)
			}
			if r.Err() == nil || len(r.Reasons) != 1 || r.Reasons[0] != (Reason{"publishing: 503 outcome_unknown: ask again", 1}) {
				t.Errorf("%v, reasons: %v", r.Err(), r.Reasons)
			}
		})
	}
}

// TestAFailingServerIsReported: what was measured until then is worth showing.
func TestAFailingServerIsReported(t *testing.T) {
	var n atomic.Int64
	pass := third(func(m []byte) [][]byte { return [][]byte{m} })
	o := few(startBadServer(t, pass, onlyPosts(func(b *badServer, w http.ResponseWriter, r *http.Request) {
		if n.Add(1) <= 10 {
			b.pass(w, r)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})))
	o.Rate, o.Duration, o.Patience = MaxRate, time.Hour, 3*time.Second
	r, err := Run(t.Context(), Fanout, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Publishes.Count != 10 || r.Publishes.Failed != tooManyFailures || r.Checked != (Checked{Expected: 40}) {
		t.Errorf("%+v", r)
	}
	if r.Err() == nil || r.Ended != "too many publishes fail, the last one with: 503 Service Unavailable" {
		t.Errorf("%v, ended: %s", r.Err(), r.Ended)
	}
}

// TestAStallCounts: what should have been sent while the server stood still counts from then.
func TestAStallCounts(t *testing.T) {
	const stall = 500 * time.Millisecond
	var n atomic.Int64
	pass := third(func(m []byte) [][]byte { return [][]byte{m} })
	o := few(startBadServer(t, pass, onlyPosts(func(b *badServer, w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 3 {
			time.Sleep(stall)
		}
		b.pass(w, r)
	})))
	o.Rate, o.Duration = 100, stall
	r, err := Run(t.Context(), Fanout, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Err(); err != nil || r.Publishes.Count != 50 {
		t.Errorf("%d publishes, %v", r.Publishes.Count, err)
	}
	// Nearly all were due meanwhile, and waited for half of it on average.
	if least := milliseconds(stall) / 4; r.Deliveries.P50 < least || r.Publishes.P50 < least {
		t.Errorf("half of the messages took %v ms, and their publishes %v", r.Deliveries.P50, r.Publishes.P50)
	}
}

func TestRefusals(t *testing.T) {
	deny := func(status int, body string) publishing {
		return func(_ *badServer, w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			w.Write([]byte(body))
		}
	}
	refusing := deny(401, `{"code":"unauthorized","detail":"show an API key"}`)
	url := startBadServer(t, third(nil), refusing)
	onlyPublishing := startBadServer(t, third(nil), onlyPosts(refusing))
	for _, tt := range []struct {
		name string
		o    Options
		says string
	}{
		{"no API key", few(url), "an API key is needed (--api-key or WSBRIDGE_API_KEY): 401 unauthorized: show an API key"},
		{"publishing", few(onlyPublishing), "publishing is refused: 401 unauthorized: show an API key"},
		{"API key", Options{URL: url, APIKey: "k"}, "the API key: 401 unauthorized: show an API key"},
		{"nobody there", Options{URL: "http://127.0.0.1:1"}, "connection refused"},
		{"failing always", few(startBadServer(t, third(nil), onlyPosts(deny(503, "{}")))), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.says == "" {
				tt.o.Rate, tt.o.Duration = 100_000, time.Hour
				tt.says = "too many publishes fail, the last one with: 503 Service Unavailable"
			}
			_, err := Run(t.Context(), Fanout, tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v, expected %q", err, tt.says)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	url := startServer(t)
	for _, w := range workloads {
		t.Run(w.Name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			o := Options{URL: url, Clients: 5, Rate: 100, Duration: time.Hour, Patience: patience}
			if w.once {
				o.Clients, o.ConnectRate, o.Rate = 1000, 10, 0 // it would connect for long
			}
			o.OnProgress = func(p Progress) {
				if p.Delivered > 0 || w.once && p.Connected > 1 {
					interrupt()
				}
			}
			r, err := Run(ctx, w, o)
			if err != nil {
				t.Fatal(err)
			}
			if !r.Interrupted || r.Connects.Count < 2 || !w.once && r.Deliveries.Count == 0 {
				t.Errorf("%+v", r)
			}
			if err := r.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReportInJSON(t *testing.T) {
	r, err := Run(t.Context(), Fanout, few(startServer(t)))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again Report
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if again.Deliveries != r.Deliveries || again.Checked != r.Checked || !strings.Contains(string(text), `"reasons":[]`) {
		t.Errorf("%s", text)
	}
}
