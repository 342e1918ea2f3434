package behaviour

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/metrics"
	"github.com/wsbridge/wsbridge/pubsub"
)

// measured counts for all servers of the package, as one instance would.
var measured = metrics.New("scripts")

var measuredStreams = measured.Streams()

func watched() metrics.Sources {
	return metrics.Sources{Status: func() pubsub.Status { return pubsub.Status{State: pubsub.Up} }}
}

// caused is what clients were told by servers of this process.
var caused = causes{codes: make(map[int]bool), reasons: make(map[pubsub.Reason]bool)}

type causes struct {
	mu      sync.Mutex // guards what follows
	codes   map[int]bool
	reasons map[pubsub.Reason]bool
}

func (c *causes) note(e raw.Event, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Gap != nil {
		c.reasons[e.Gap.Reason] = true
	}
	if closed := (*raw.CloseError)(nil); errors.As(err, &closed) {
		c.codes[int(closed.Code)] = true
	}
}

// sample is one line of a scrape: name, labels, value.
var sample = regexp.MustCompile(`^(\w+)(?:\{(.*)\})? (\S+)$`)

// scrape returns what is wrong with the metrics: a documented name that is not there, or
// something that clients saw and nobody counted.
func scrape() (problems []string) {
	answer := httptest.NewRecorder()
	measured.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	names, sums := make(map[string]bool), make(map[string]float64)
	for line := range strings.Lines(answer.Body.String()) {
		m := sample.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		for _, part := range []string{"", "_bucket", "_sum", "_count"} {
			names[strings.TrimSuffix(m[1], part)] = true
		}
		value, _ := strconv.ParseFloat(m[3], 64)
		for label := range strings.SplitSeq(m[2], ",") {
			sums[m[1]+" "+label] += value
		}
	}
	for _, metric := range metrics.All() {
		if !names[metric.Name] {
			problems = append(problems, metric.Name+" is documented and not there")
		}
	}
	caused.mu.Lock()
	defer caused.mu.Unlock()
	for code := range caused.codes {
		if sums[fmt.Sprintf(`wsbridge_connections_closed_total code="%d"`, code)] == 0 {
			problems = append(problems, fmt.Sprintf("close code %d was seen and not counted", code))
		}
	}
	for reason := range caused.reasons {
		if sums[fmt.Sprintf(`wsbridge_gaps_total reason="%s"`, reason)] == 0 {
			problems = append(problems, fmt.Sprintf("gap %s was seen and not counted", reason))
		}
	}
	fmt.Printf("metrics after the scripts: %d names, close codes %v and gap reasons %v counted\n",
		len(metrics.All()), keys(caused.codes), keys(caused.reasons))
	return problems
}

func keys[K comparable](m map[K]bool) (list []K) {
	for k := range m {
		list = append(list, k)
	}
	return list
}
