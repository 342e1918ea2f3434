package metrics

import "github.com/prometheus/client_golang/prometheus"

// limits are the values of the label limit, as package transport names them.
var limits = []string{
	"connections", "connections_per_address", "connect_rate", "request_rate_per_address", "command_rate", "byte_rate",
}

func (m *Metrics) limits() *prometheus.CounterVec {
	counters := limitsReached.counters()
	m.limited = make(map[string]prometheus.Counter)
	for _, limit := range append(limits, Other) {
		m.limited[limit] = counters.WithLabelValues(limit)
	}
	return counters
}

// Limited counts what a limit refused.
func (m *Metrics) Limited(limit string) {
	c := m.limited[limit]
	if c == nil {
		c = m.limited[Other]
	}
	c.Inc()
}
