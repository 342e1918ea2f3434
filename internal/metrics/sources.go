package metrics

import "github.com/wsbridge/wsbridge/pubsub"

// Sources are asked at each scrape. They must not block. What is nil counts as 0.
type Sources struct {
	Status   func() pubsub.Status
	Load     func() (channels, subscriptions int) // that this instance serves
	LogBytes func() int64                         // of the embedded broker
	LogLimit int64                                // of the embedded broker, in bytes
	Redis    func() Redis                         // of the broker on Redis
	Draining func() bool
	Streams  func() (senders, consumers int, window int64) // window in bytes
}

// Watch adds what is asked at each scrape. It is called once.
func (m *Metrics) Watch(s Sources) {
	if s.Status == nil {
		s.Status = func() pubsub.Status { return pubsub.Status{State: pubsub.Down} }
	}
	if s.Load == nil {
		s.Load = func() (int, int) { return 0, 0 }
	}
	if s.LogBytes == nil {
		s.LogBytes = func() int64 { return 0 }
	}
	if s.Redis == nil {
		s.Redis = func() Redis { return Redis{} }
	}
	if s.Draining == nil {
		s.Draining = func() bool { return false }
	}
	if s.Streams == nil {
		s.Streams = func() (int, int, int64) { return 0, 0, 0 }
	}
	m.registry.MustRegister(
		streams.gauge(func() float64 { n, _, _ := s.Streams(); return float64(n) }),
		streamConsumers.gauge(func() float64 { _, n, _ := s.Streams(); return float64(n) }),
		streamWindowBytes.gauge(func() float64 { _, _, n := s.Streams(); return float64(n) }),
		brokerUp.gauge(func() float64 { return one(s.Status().State != pubsub.Down) }),
		brokerDegraded.gauge(func() float64 { return one(s.Status().State == pubsub.Degraded) }),
		channels.gauge(func() float64 { n, _ := s.Load(); return float64(n) }),
		subscriptions.gauge(func() float64 { _, n := s.Load(); return float64(n) }),
		logBytes.gauge(func() float64 { return float64(s.LogBytes()) }),
		logLimitBytes.gauge(func() float64 { return float64(s.LogLimit) }),
		newRedisCollector(s.Redis),
		draining.gauge(func() float64 { return one(s.Draining()) }),
	)
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
