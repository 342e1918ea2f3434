package redisbroker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

const (
	dialTimeout = 2 * time.Second
	ioTimeout   = 2 * time.Second // of one command or pipeline; Redis answers in microseconds or is stuck
)

// clientOptions are what all connections have in common. RESP2 is enough, and keeps what
// Redis 7 and go-redis push over RESP3 beside replies out of pipelines and subscriptions.
func clientOptions(o Options) *redis.UniversalOptions {
	u := &redis.UniversalOptions{
		Addrs:                 o.Addrs,
		MasterName:            o.Master,
		IsClusterMode:         o.Cluster,
		DB:                    o.DB,
		Username:              o.User,
		Password:              o.Password,
		SentinelUsername:      o.SentinelUser,
		SentinelPassword:      o.SentinelPassword,
		TLSConfig:             o.TLS,
		ClientName:            "wsbridge",
		Protocol:              2,
		DialTimeout:           dialTimeout,
		DialerRetries:         1,
		ReadTimeout:           ioTimeout,
		WriteTimeout:          ioTimeout,
		ContextTimeoutEnabled: true,
		MaxRetries:            -1, // whoever calls knows whether a repeat is safe
		PoolTimeout:           ioTimeout,
		PoolSize:              32,
		ConnMaxIdleTime:       5 * time.Minute,
	}
	if o.TLS != nil {
		// The dialer that go-redis has for TLS does not look at contexts.
		u.Dialer = (&tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout}, Config: o.TLS}).DialContext
	}
	return u
}

func newClient(o Options) redis.UniversalClient {
	return redis.NewUniversalClient(clientOptions(o))
}

// failure translates an error of Redis or of the way to it into one of package pubsub: what
// is not the caller's context or closing is [pubsub.ErrUnavailable].
func (b *Broker) failure(err error) error {
	switch {
	case err == nil:
		return nil
	case b.closed.Load():
		return pubsub.ErrClosed
	case errors.Is(err, context.Canceled), errors.Is(err, pubsub.ErrUnavailable), errors.Is(err, errFormat):
		return err
	}
	return fmt.Errorf("%w: %w", pubsub.ErrUnavailable, err)
}

// passing reports whether an error may be gone by itself after a moment: Redis cannot be
// reached, or answers that it is not ready.
func passing(err error) bool {
	if err == nil {
		return false
	}
	var reply redis.Error
	if !errors.As(err, &reply) {
		return true // not an answer of Redis at all
	}
	for _, prefix := range []string{
		"LOADING ", "CLUSTERDOWN ", "MASTERDOWN ", "TRYAGAIN ", "MOVED ", "ASK ", "READONLY ", "NOREPLICAS ",
		"NOSCRIPT ", "BUSY ", "OOM ", "MISCONF ", "UNKILLABLE ", "ERR max number of clients",
	} {
		if strings.HasPrefix(reply.Error(), prefix) {
			return true
		}
	}
	return false
}

// notSent reports whether an error says for certain that nothing reached Redis.
func notSent(err error) bool {
	var op *net.OpError
	return errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) ||
		errors.As(err, &op) && op.Op == "dial"
}
