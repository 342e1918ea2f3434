package main

import (
	"errors"
	"log/slog"

	"github.com/wsbridge/wsbridge/internal/config"
	"github.com/wsbridge/wsbridge/internal/metrics"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
)

var errRedis = errors.New("redis-url is set, and this version has the embedded broker only: unset it, or use a version with the Redis broker")

// newBroker returns the broker that the settings ask for, not started yet, and what it tells
// metrics of itself.
func newBroker(cfg *config.Config, log *slog.Logger) (pubsub.Broker, metrics.Sources, error) {
	if cfg.RedisURL == nil {
		b := membroker.New(membroker.Options{Retention: cfg.Retention, PositionTTL: cfg.PositionTTL, Memory: cfg.Memory})
		return b, metrics.Sources{LogBytes: b.Used, LogLimit: cfg.Memory}, nil
	}
	return nil, metrics.Sources{}, errRedis
}
