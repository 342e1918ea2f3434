package load

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"text/tabwriter"
)

// slow is the part of the wanted rate below which the table says that it was not reached.
const slow = 0.95

// WriteTable writes the report for people.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s: %s over %s on %s of %s\n\n", r.Workload,
		plural(r.Clients, "client"), r.Transport, plural(r.Channels, "channel"), r.URL)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tcount\tfailed\ta second\tp50\tp99\tp99.9\tmax\t\n")
	for _, row := range []struct {
		name string
		m    Measure
	}{{"connects", r.Connects}, {"publishes", r.Publishes}, {"deliveries", r.Deliveries}} {
		m := row.m
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", row.name, thousands(m.Count), thousands(m.Failed), rate(m.PerSecond),
			latency(m.P50), latency(m.P99), latency(m.P999), latency(m.Max))
	}
	t.Flush()
	c := r.Checked
	fmt.Fprintf(&b, "\n%s expected: %s lost, %s doubled, %s out of order, %s damaged; %s, %s closed\n",
		plural(int(c.Expected), "delivery"), thousands(c.Lost), thousands(c.Doubled), thousands(c.OutOfOrder), thousands(c.Damaged),
		plural(int(c.Gaps), "gap"), plural(int(c.Closed), "connection"))
	if r.Cores > 0 {
		fmt.Fprintf(&b, "this program took %.2f of %s meanwhile\n", r.Cores, plural(runtime.GOMAXPROCS(0), "core"))
	}
	for _, reason := range r.Reasons {
		fmt.Fprintf(&b, "%s × %s\n", thousands(int64(reason.Count)), reason.Why)
	}
	if r.Ended != "" {
		fmt.Fprintf(&b, "ended early: %s\n", r.Ended)
	} else if r.Interrupted {
		b.WriteString("interrupted: this is what was measured until then\n")
	} else if r.Rate > 0 && r.Publishes.PerSecond < slow*r.Rate && r.Publishes.Count > 1 {
		fmt.Fprintf(&b, "the rate of %s was not reached: the server or this program is at its limit, or more --publishers are needed\n", rate(r.Rate))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func plural(n int, what string) string {
	if n != 1 {
		if stem, ok := strings.CutSuffix(what, "y"); ok {
			what = stem + "ie"
		}
		what += "s"
	}
	return thousands(int64(n)) + " " + what
}

// thousands writes a number with a comma between groups of three digits.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func rate(perSecond float64) string {
	if perSecond < 100 {
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	}
	return thousands(int64(perSecond + 0.5))
}

// latency writes milliseconds with three digits.
func latency(ms float64) string {
	switch {
	case ms < 1:
		return fmt.Sprintf("%.0f µs", ms*1000)
	case ms < 1000:
		return fmt.Sprintf("%.3g ms", ms)
	}
	return fmt.Sprintf("%.3g s", ms/1000)
}
