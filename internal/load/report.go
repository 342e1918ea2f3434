package load

import (
	"fmt"
	"strings"
	"time"
)

// A Report is what a run measured. In JSON, times are in milliseconds.
type Report struct {
	Workload    string  `json:"workload"`
	Transport   string  `json:"transport"`
	URL         string  `json:"url"`
	Clients     int     `json:"clients"`
	Channels    int     `json:"channels"`
	Size        int     `json:"size"`             // bytes of a message's data
	Rate        float64 `json:"rate,omitempty"`   // publications a second, as wanted
	Window      int     `json:"window,omitempty"` // publications under way
	Started     string  `json:"started"`          // RFC 3339
	Interrupted bool    `json:"interrupted"`
	Ended       string  `json:"ended,omitempty"` // why the run gave up early
	Cores       float64 `json:"cores"`           // that this program took while it published; 0: not known

	Connects   Measure  `json:"connects"`
	Publishes  Measure  `json:"publishes"`
	Deliveries Measure  `json:"deliveries"`
	Checked    Checked  `json:"checked"`
	Reasons    []Reason `json:"reasons"` // why things failed, the most frequent first
}

// A Measure tells of one kind of thing that was done over and over.
type Measure struct {
	Count     int64   `json:"count"`
	Failed    int64   `json:"failed"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50"` // milliseconds, as the others
	P99       float64 `json:"p99"`
	P999      float64 `json:"p99.9"`
	Max       float64 `json:"max"`
}

// Checked tells what became of each message for each of its subscribers.
type Checked struct {
	Expected   int64 `json:"expected"`     // deliveries of what was published with success
	Lost       int64 `json:"lost"`         // did not come
	Doubled    int64 `json:"doubled"`      // came again
	OutOfOrder int64 `json:"out_of_order"` // came behind a later one
	Damaged    int64 `json:"damaged"`      // was another than was sent, on that channel
	Gaps       int64 `json:"gaps"`         // the server said that something will not come
	Closed     int64 `json:"closed"`       // connections that the server ended, or that broke
}

// A Reason is why something failed.
type Reason struct {
	Why   string `json:"why"`
	Count int    `json:"count"`
}

// report sums the run up, when all its goroutines have ended.
func (r *run) report(interrupted bool) *Report {
	c := Checked{
		Expected: r.expected.Load(), Doubled: r.counts.doubled.Load(), OutOfOrder: r.counts.outOfOrder.Load(),
		Damaged: r.counts.damaged.Load(), Gaps: r.counts.gaps.Load(), Closed: r.counts.closed.Load(),
	}
	for _, s := range r.clients {
		if s.line != nil {
			c.Lost += int64(s.lost + s.ledger.missing(s.channel.sent.Load(), s.channel.failed))
		}
	}
	delivering := max(r.publishTime, time.Duration(r.lastDelivery.Load())-r.published)
	report := &Report{
		Workload: r.workload.Name, Transport: r.workload.Transport, URL: r.target.url.Redacted(),
		Clients: r.Clients, Channels: r.Channels, Size: r.Size, Rate: r.Rate, Window: r.Window,
		Started: r.began.UTC().Format(time.RFC3339), Interrupted: interrupted, Ended: r.ended, Cores: r.cores,
		Connects:   measure(&r.connects, r.connectFailed.Load(), r.connectTime),
		Publishes:  measure(&r.publishes, r.publishFailed.Load(), r.publishTime),
		Deliveries: measure(&r.deliveries, c.Lost, delivering),
		Checked:    c,
		Reasons:    r.reasons.list(),
	}
	return report
}

func measure(h *histogram, failed int64, took time.Duration) Measure {
	m := Measure{
		Count: h.total.Load(), Failed: failed, Seconds: took.Seconds(),
		P50: milliseconds(h.quantile(0.5)), P99: milliseconds(h.quantile(0.99)),
		P999: milliseconds(h.quantile(0.999)), Max: milliseconds(time.Duration(h.max.Load())),
	}
	if took > 0 {
		m.PerSecond = float64(m.Count) / took.Seconds()
	}
	return m
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// Err returns what was not as it should be, or nil.
func (r *Report) Err() error {
	var wrong []string
	for _, w := range []struct {
		n    int64
		what string
	}{
		{r.Checked.Lost, "lost"}, {r.Checked.Doubled, "doubled"}, {r.Checked.OutOfOrder, "out of order"},
		{r.Checked.Damaged, "damaged"}, {r.Checked.Gaps, "gaps"}, {r.Checked.Closed, "connections closed"},
		{r.Connects.Failed, "connections failed"}, {r.Publishes.Failed, "publishes failed"},
	} {
		if w.n > 0 {
			wrong = append(wrong, fmt.Sprintf("%s %s", thousands(w.n), w.what))
		}
	}
	if wrong == nil {
		return nil
	}
	return fmt.Errorf("not everything came as it should: %s", strings.Join(wrong, ", "))
}
