package behaviour

import (
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub/redisbroker"
)

// startOnRedis runs two servers that share a Redis of their own. Clients talk to the one that
// is returned and backends to its peer, and for the peer it is the other way round.
func startOnRedis(t testing.TB, o setup) *server {
	t.Helper()
	addr := redistest.Start(t).Addr()
	return pair(instance(t, addr, o), instance(t, addr, o))
}

// pair lets the backends of each talk to the other, and returns the first.
func pair(a, b *server) *server {
	a.peer, b.peer = b, a
	return a
}

// instance runs a server on the Redis at an address.
func instance(t testing.TB, addr string, o setup) *server {
	t.Helper()
	if o.broker.Retention == nil {
		o.broker.Retention = retention
	}
	b, err := redisbroker.New(redisbroker.Options{Addrs: []string{addr}, Retention: o.broker.Retention})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{redis: b}
	s.serve(t, b, o)
	return s
}
