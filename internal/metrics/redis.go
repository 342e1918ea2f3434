package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Redis is what a broker on Redis has counted since it was made, and what it has now.
type Redis struct {
	Announcements uint64            // received
	Breaks        map[string]uint64 // by reason
	Reconnects    uint64            // of subscription lines
	DeadLines     int               // now
	Waiting       int               // publishes that are not answered yet
}

// breakReasons are the values of the label of wsbridge_redis_breaks_total.
var breakReasons = []string{"line", "poll", "audit", "log", "format"}

// redisCollector asks once for each scrape, so that its numbers belong together.
type redisCollector struct {
	ask func() Redis

	announcements, breaks, reconnects, deadLines, waiting *prometheus.Desc
}

func newRedisCollector(ask func() Redis) *redisCollector {
	return &redisCollector{
		ask:           ask,
		announcements: redisAnnouncements.desc(),
		breaks:        redisBreaks.desc(),
		reconnects:    redisReconnects.desc(),
		deadLines:     redisLinesDead.desc(),
		waiting:       redisPublishesWaiting.desc(),
	}
}

// Describe implements prometheus.Collector.
func (c *redisCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.announcements, c.breaks, c.reconnects, c.deadLines, c.waiting} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *redisCollector) Collect(to chan<- prometheus.Metric) {
	r := c.ask()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	send(c.announcements, prometheus.CounterValue, float64(r.Announcements))
	strange := uint64(0)
	for reason, n := range r.Breaks {
		if !slices.Contains(breakReasons, reason) {
			strange += n
		}
	}
	send(c.breaks, prometheus.CounterValue, float64(strange), Other)
	for _, reason := range breakReasons {
		send(c.breaks, prometheus.CounterValue, float64(r.Breaks[reason]), reason)
	}
	send(c.reconnects, prometheus.CounterValue, float64(r.Reconnects))
	send(c.deadLines, prometheus.GaugeValue, float64(r.DeadLines))
	send(c.waiting, prometheus.GaugeValue, float64(r.Waiting))
}
