package chaos

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/test/chaos/ledger"
)

// results are what came out of all runs.
var results = &table{rows: make(map[string]*row)}

// A table has a row for each scenario and for each control.
type table struct {
	mu    sync.Mutex // guards what follows
	order []string
	rows  map[string]*row
	runs  int
}

type row struct {
	seeds, failed int
	caught        int // of a control: in how many runs the ledger found something
	control       bool
	sum           ledger.Verdict // sums, and the longest time
}

// reserve makes a row, so that the table has the order of the scenarios.
func (t *table) reserve(name string, control bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.order = append(t.order, name)
	t.rows[name] = &row{control: control, sum: ledger.Verdict{
		Gaps: make(map[pubsub.Reason]int), Violations: make(map[ledger.Kind]int),
	}}
}

// add counts a run, and says that it ended: a run of all of them takes an hour.
func (t *table) add(name string, seed uint64, v *ledger.Verdict, failed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.runs++
	outcome := "ok"
	if failed {
		outcome = "FAILED"
	}
	fmt.Printf("run %d: %s, seed %d: %s\n", t.runs, name, seed, outcome)
	r := t.rows[name]
	r.seeds++
	if failed {
		r.failed++
	}
	if !v.OK() {
		r.caught++
	}
	r.sum.Published += v.Published
	r.sum.Acknowledged += v.Acknowledged
	r.sum.Delivered += v.Delivered
	r.sum.Missing += v.Missing
	r.sum.CatchUp = max(r.sum.CatchUp, v.CatchUp)
	for reason, n := range v.Gaps {
		r.sum.Gaps[reason] += n
	}
	for kind, n := range v.Violations {
		r.sum.Violations[kind] += n
	}
}

func (t *table) print(to io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, control := range []bool{false, true} {
		head := "\nscenario\tseeds\tfailed\tpublished\tacknowledged\tdelivered\tgone from Redis\tgaps\tlost\ttwice\tout of order\tother\tlongest catch-up\t"
		if control {
			head = "\ncontrol\tseeds\tcaught\tpublished\tacknowledged\tdelivered\tgone from Redis\tgaps\tlost\ttwice\tout of order\tother\t\t"
		}
		for _, name := range t.order {
			r := t.rows[name]
			if r.seeds == 0 || r.control != control {
				continue
			}
			if head != "" {
				fmt.Fprintln(w, head)
				head = ""
			}
			count, last := r.failed, r.sum.CatchUp.Round(time.Millisecond).String()
			if control {
				count, last = r.caught, ""
			}
			fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%d\t%d\t%d\t%s\t%s\t\n", name, r.seeds, count,
				r.sum.Published, r.sum.Acknowledged, r.sum.Delivered, r.sum.Missing, list(r.sum.Gaps),
				r.sum.Violations[ledger.Lost], r.sum.Violations[ledger.Twice], r.sum.Violations[ledger.Disorder],
				list(others(r.sum.Violations)), last)
		}
		w.Flush()
	}
}

// others leaves out what has a column of its own.
func others(violations map[ledger.Kind]int) map[ledger.Kind]int {
	rest := maps.Clone(violations)
	for _, kind := range []ledger.Kind{ledger.Lost, ledger.Twice, ledger.Disorder} {
		delete(rest, kind)
	}
	return rest
}

// list writes counts in the order of their names.
func list[K ~string](counts map[K]int) string {
	if len(counts) == 0 {
		return "0"
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, counts[k]))
	}
	return strings.Join(parts, ", ")
}

// describe tells of a verdict in one line.
func describe(v *ledger.Verdict) string {
	return fmt.Sprintf("%d published, %d acknowledged, %d delivered, %d gone from Redis, gaps: %s (%d replaced, %d given again), violations: %s, caught up in %v (%s)",
		v.Published, v.Acknowledged, v.Delivered, v.Missing, list(v.Gaps), v.Replaced, v.Again, list(v.Violations), v.CatchUp.Round(time.Millisecond), v.Slowest)
}
