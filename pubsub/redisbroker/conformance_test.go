package redisbroker

import (
	"crypto/rand"
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// conform runs the suite of all brokers on a Redis. Each test has a prefix to itself.
func conform(t *testing.T, change func(*Options)) {
	pubsubtest.Run(t, func(t *testing.T, c pubsubtest.Config) pubsub.Broker {
		o := Options{Prefix: rand.Text(), Retention: c.Retention, PositionTTL: c.PositionTTL}
		change(&o)
		b, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		return b
	})
}

func TestConformance(t *testing.T) {
	server := redistest.Start(t)
	conform(t, func(o *Options) { o.Addrs = []string{server.Addr()} })
}

func TestConformanceInAnotherDatabase(t *testing.T) {
	server := redistest.Start(t)
	conform(t, func(o *Options) { o.Addrs, o.DB = []string{server.Addr()}, 3 })
}

func TestConformanceOnCluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 0)
	conform(t, onCluster(cluster))
}

func TestConformanceOnSentinel(t *testing.T) {
	master := redistest.Start(t)
	master.Replica(t)
	sentinels := redistest.StartSentinels(t, 3, master)
	conform(t, func(o *Options) { o.Addrs, o.Master = sentinels.Addrs, sentinels.Master })
}

func TestConformanceOverTLS(t *testing.T) {
	server, settings := redistest.StartTLS(t)
	conform(t, func(o *Options) { o.Addrs, o.TLS = []string{server.Addr()}, settings })
}
