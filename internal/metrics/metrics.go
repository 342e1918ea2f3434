package metrics

import (
	"net/http"
	"runtime"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Metrics counts for one instance. All methods may be called at once from any goroutine.
type Metrics struct {
	registry *prometheus.Registry

	lines   map[string]*line // by transport; never changed
	refused *prometheus.CounterVec
	limited map[string]prometheus.Counter // by limit; never changed
	latency prometheus.Histogram

	published publishing
	gaps      map[pubsub.Reason]prometheus.Counter // never changed
	requests  *prometheus.CounterVec

	requestKinds sync.Map // requestKind to the prometheus.Counter that requests has of it

	streams *Streams
}

// Other is the value of a label whose value would be none of those known.
const Other = "other"

// latencyBuckets begin at the precision of the broker's clock, a millisecond.
var latencyBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// publishBuckets begin where an embedded broker answers.
var publishBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}

// New returns metrics with a registry of their own. version is what the build calls itself.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		refused:  connectionsRefused.counters(),
		latency:  deliveryLatency.histogram(latencyBuckets),
		requests: httpRequests.counters(),
		gaps:     make(map[pubsub.Reason]prometheus.Counter),
	}
	build := buildInfo.gauges()
	build.WithLabelValues(version, runtime.Version()).Set(1)

	missed := gaps.counters()
	for _, r := range []pubsub.Reason{pubsub.Trimmed, pubsub.Overflow, pubsub.Rollback, pubsub.Replaced, pubsub.Purged} {
		m.gaps[r] = missed.WithLabelValues(string(r))
	}
	m.registry.MustRegister(build, m.refused, m.latency, m.requests, missed, m.limits(),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registerLines()
	m.registerStreams()
	m.published.register(m.registry)
	return m
}

// Gap counts a gap that a client is told of. It fits bridge.Options.OnGap.
func (m *Metrics) Gap(r pubsub.Reason) {
	if c := m.gaps[r]; c != nil {
		c.Inc()
	}
}

// Handler serves all metrics in the format that the scraper asks for.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
