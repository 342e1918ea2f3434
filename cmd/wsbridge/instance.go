package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/api"
	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/config"
	"github.com/wsbridge/wsbridge/internal/metrics"
	"github.com/wsbridge/wsbridge/internal/page"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport"
)

// An instance is a running server: broker, bridge, transports and API, and two listeners.
type instance struct {
	cfg     *config.Config
	log     *slog.Logger
	page    bool
	created time.Time

	bridge   *bridge.Bridge
	streams  *relay.Relay
	clients  *transport.Server
	public   *listener
	admin    *listener // nil: there is none
	failed   chan error
	started  atomic.Bool // the broker is
	draining atomic.Bool

	memory     sync.WaitGroup
	stopMemory context.CancelFunc
}

// start builds an instance and serves; begin starts its broker then. The addresses are taken
// first, so that a second instance on the same ones ends before it has done anything.
func start(cfg *config.Config, demo bool, log *slog.Logger) (*instance, error) {
	i := &instance{cfg: cfg, log: log, page: cfg.Dev || demo, created: time.Now(), failed: make(chan error, 3)}
	tokens, err := auth.NewTokens(auth.TokenOptions{Keys: cfg.TokenKeys, Anonymous: cfg.Anonymous, Everything: cfg.Dev})
	if err != nil {
		return nil, err
	}
	broker, exchange, sources, err := newBroker(cfg, log)
	if err != nil {
		return nil, err
	}
	public, admin, err := listen(cfg)
	if err != nil {
		return nil, err
	}
	counted := metrics.New(version())
	i.bridge = bridge.New(counted.Broker(broker), bridge.Options{Queue: int(cfg.Queue), OnGap: counted.Gap})
	i.streams = relay.New(relay.Options{
		Exchange:  exchange,
		Memory:    cfg.StreamMemory,
		Senders:   cfg.MaxStreams,
		PerSender: cfg.MaxStreamsPerUser,
		Consumers: cfg.MaxStreamConsumers,
		Observer:  counted.Streams(),
	})
	keys := auth.NewKeys(cfg.APIKeys)
	i.clients = transport.New(i.bridge, transport.Options{
		Relay:          i.streams,
		Keys:           keys.Match,
		Authenticate:   authenticate(tokens),
		AllowedOrigins: origins(cfg),
		TrustedProxies: cfg.TrustedProxies,
		LoopbackOnly:   cfg.LoopbackOnly(),
		Limits:         limits(cfg),
		Heartbeat:      cfg.Heartbeat,
		MaxMessage:     int(cfg.MaxMessage),
		Observer:       counted,
		Logger:         log,
	})
	sources.Status, sources.Load, sources.Draining = i.status, i.bridge.Load, i.draining.Load
	sources.Streams = i.streams.Load
	counted.Watch(sources)
	options := api.Options{
		Bridge:     i.bridge,
		Transport:  i.clients,
		Keys:       keys.Match,
		Anyone:     cfg.Dev,
		MaxMessage: int(cfg.MaxMessage),
		MaxBatch:   cfg.MaxBatch,
		MaxStream:  cfg.MaxStream,
		Ready:      i.ready,
		Starting:   func() bool { return !i.started.Load() },
		OnPublish:  counted.Answered,
		Logger:     log,
	}
	if len(cfg.TokenKeys) > 0 {
		options.Sign = func(c auth.Claims, ttl time.Duration) (string, time.Time, error) {
			return tokens.Sign(c, ttl, time.Now())
		}
	}
	if i.page {
		options.Page = page.Handler(page.Options{Demo: demo})
	}
	handler := counted.Requests(i.lastAnswers(api.New(options)))
	i.public = serve(handler, log, i.failed, i.clients.Front(public, handler, api.Short))
	var giving context.Context
	giving, i.stopMemory = context.WithCancel(context.Background())
	i.memory.Go(func() { tendMemory(giving) })
	if admin != nil {
		i.admin = serve(adminHandler(counted), log, i.failed, admin)
	}
	return i, nil
}

// listen takes the addresses. admin is nil when it is off.
func listen(cfg *config.Config) (public, admin net.Listener, err error) {
	if public, err = net.Listen("tcp", cfg.Addr); err != nil {
		return nil, nil, fmt.Errorf("addr: %w", err)
	}
	if cfg.AdminAddr == "" {
		return public, nil, nil
	}
	if admin, err = net.Listen("tcp", cfg.AdminAddr); err != nil {
		public.Close()
		return nil, nil, fmt.Errorf("admin-addr: %w", err)
	}
	return public, admin, nil
}

func origins(cfg *config.Config) []string {
	if list := cfg.AllowedOrigins.String(); list != "" {
		return strings.Split(list, ",")
	}
	return nil
}

// brokerPatience is how long the broker may be away before requests should go elsewhere.
const brokerPatience = 5 * time.Second

// status tells how the broker is.
func (i *instance) status() pubsub.Status {
	if !i.started.Load() {
		return pubsub.Status{State: pubsub.Down, Since: i.created}
	}
	return i.bridge.Status()
}

// ready tells whether requests should be sent here.
func (i *instance) ready() (bool, string) {
	status := i.status()
	switch {
	case i.draining.Load():
		return false, "draining"
	case !i.started.Load():
		return false, "starting"
	case status.State == pubsub.Down && time.Since(status.Since) > brokerPatience:
		return false, "unavailable"
	case status.State == pubsub.Degraded:
		return true, "degraded"
	}
	return true, "ok"
}

// lastAnswers asks clients of a server that drains to connect anew. Idle connections are
// left alone meanwhile: one that is closed just when a request is sent on it loses that.
func (i *instance) lastAnswers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.clients.Draining() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// shutdownGrace is how long requests that are under way when all clients have gone may
// take: publishes are answered within five seconds.
const shutdownGrace = 10 * time.Second

// stop ends the instance in order: load balancers look elsewhere first, then clients are
// sent away, then requests are finished. When ctx ends, what is left is cut.
func (i *instance) stop(ctx context.Context) {
	i.draining.Store(true)
	wait(ctx, i.cfg.DrainDelay)

	draining, cancel := context.WithTimeout(ctx, i.cfg.Drain+shutdownGrace)
	defer cancel()
	if err := i.clients.Drain(draining, i.cfg.Drain); err != nil {
		i.log.Warn("clients were left behind", "error", err)
	}
	if err := i.streams.Drain(draining); err != nil {
		i.log.Warn("streams were cut", "error", err)
	}
	i.close(ctx)
}

// close finishes requests that are under way, as far as ctx lets it, and ends everything.
func (i *instance) close(ctx context.Context) {
	finishing, cancel := context.WithTimeout(ctx, shutdownGrace)
	defer cancel()
	i.public.stop(finishing)
	if err := i.clients.Finish(finishing); err != nil {
		i.log.Warn("requests were cut", "error", err)
	}
	i.streams.Close()
	i.clients.Close()
	if err := i.bridge.Close(); err != nil {
		i.log.Error("the broker did not close", "error", err)
	}
	if i.admin != nil {
		i.admin.stop(finishing)
	}
	i.stopMemory()
	i.memory.Wait()
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
