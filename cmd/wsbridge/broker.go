package main

import (
	"log/slog"

	"github.com/wsbridge/wsbridge/internal/config"
	"github.com/wsbridge/wsbridge/internal/metrics"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/pubsub/redisbroker"
)

// newBroker returns the broker that the settings ask for, not started yet, what it tells metrics
// of itself, and the exchange with other instances, nil if there are none.
func newBroker(cfg *config.Config, log *slog.Logger) (pubsub.Broker, pubsub.Exchange, metrics.Sources, error) {
	if cfg.RedisURL == nil {
		b := membroker.New(membroker.Options{Retention: cfg.Retention, PositionTTL: cfg.PositionTTL, Memory: cfg.Memory})
		return b, nil, metrics.Sources{LogBytes: b.Used, LogLimit: cfg.Memory}, nil
	}
	b, err := redisbroker.New(redisOptions(cfg, log))
	if err != nil {
		return nil, nil, metrics.Sources{}, err
	}
	return b, b, metrics.Sources{Redis: func() metrics.Redis { return redisMetrics(b.Stats()) }}, nil
}

func redisOptions(cfg *config.Config, log *slog.Logger) redisbroker.Options {
	u := cfg.RedisURL
	o := redisbroker.Options{
		Addrs:       u.Addrs,
		Master:      u.Master,
		Cluster:     u.Mode == config.RedisCluster,
		DB:          u.DB,
		User:        u.User,
		Password:    u.Password.Reveal(),
		TLS:         cfg.RedisTLS,
		Prefix:      cfg.RedisPrefix,
		Retention:   cfg.Retention,
		PositionTTL: cfg.PositionTTL,
		Logger:      log,
	}
	if login := cfg.RedisSentinelAuth; login != nil {
		o.SentinelUser, o.SentinelPassword = login.User, login.Password.Reveal()
		if o.SentinelUser == "" {
			o.SentinelUser = "default" // without any name the servers' login would be shown
		}
	}
	return o
}

func redisMetrics(s redisbroker.Stats) metrics.Redis {
	return metrics.Redis{
		Announcements: s.Announcements,
		Breaks:        s.Breaks,
		Reconnects:    s.Reconnects,
		DeadLines:     s.LinesDead,
		Waiting:       s.Waiting,
	}
}
