package metrics

import "github.com/prometheus/client_golang/prometheus"

// Streams counts what becomes of streams. It fits relay.Options.Observer.
type Streams struct {
	ended, consumers, refused map[string]prometheus.Counter // by how or why; never changed
	bytes                     prometheus.Counter
}

// What the labels of streams can be; everything else is [Other].
var (
	streamEnds    = []string{"complete", "sender", "unavailable", Other}
	consumerEnds  = []string{"complete", "left", "sender", "too_slow", "gone", "unavailable", Other}
	streamRefusal = []string{"sender", "instance", "closed", Other}
)

// Streams returns the counters of streams.
func (m *Metrics) Streams() *Streams { return m.streams }

func (m *Metrics) registerStreams() {
	s := &Streams{}
	m.streams = s
	for _, of := range []struct {
		metric Metric
		values []string
		into   *map[string]prometheus.Counter
	}{
		{streamsEnded, streamEnds, &s.ended},
		{streamConsumersEnded, consumerEnds, &s.consumers},
		{streamsRefused, streamRefusal, &s.refused},
	} {
		vec := of.metric.counters()
		*of.into = make(map[string]prometheus.Counter)
		for _, v := range of.values {
			(*of.into)[v] = vec.WithLabelValues(v)
		}
		m.registry.MustRegister(vec)
	}
	s.bytes = prometheus.NewCounter(prometheus.CounterOpts{Name: streamBytes.Name, Help: streamBytes.Help})
	m.registry.MustRegister(s.bytes)
}

func count(of map[string]prometheus.Counter, value string) {
	c := of[value]
	if c == nil {
		c = of[Other]
	}
	c.Inc()
}

// StreamEnded implements relay.Observer.
func (s *Streams) StreamEnded(how string, size int64) {
	count(s.ended, how)
	s.bytes.Add(float64(size))
}

// StreamRefused implements relay.Observer.
func (s *Streams) StreamRefused(why string) { count(s.refused, why) }

// ConsumerEnded implements relay.Observer.
func (s *Streams) ConsumerEnded(how string) { count(s.consumers, how) }
