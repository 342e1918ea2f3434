package behaviour

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/api"
	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/seen"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/pubsub/redisbroker"
	"github.com/wsbridge/wsbridge/transport"
)

const (
	apiKey   = "the-api-key-of-the-scripts"
	tokenKey = "a-token-key-of-more-than-thirty-two-bytes"

	// patience is how long a script waits for what must happen.
	patience = 30 * time.Second
)

// A server is everything behind one URL.
type server struct {
	t         testing.TB
	url       string
	broker    *fickleBroker       // nil: not the embedded one
	redis     *redisbroker.Broker // nil: the embedded one
	peer      *server             // another instance, to which this one's backends talk; nil: to this one
	transport *transport.Server
	tokens    *auth.Tokens
	counts    *counts
	streams   *relay.Relay
	stop      func() // what else the end of the test does
}

// A setup is what a script wants otherwise. The zero value works.
type setup struct {
	broker    membroker.Options // of the embedded broker; that on Redis takes the retention
	bridge    bridge.Options
	transport transport.Options
	relay     relay.Options
}

// retentions are those of the server's namespaces.
var retentions = map[string]pubsub.Retention{
	pubsub.DefaultNamespace: {Count: 10_000, Age: time.Hour, Bytes: 64 << 20},
	"few":                   {Count: 5, Age: time.Hour, Bytes: 1 << 20},
	"brief":                 {Count: 1000, Age: 2 * time.Second, Bytes: 1 << 20},
	"off":                   {},
}

// open lists the operations that need no token in the namespace of that name.
const open = auth.Subscribe | auth.History

func retention(c pubsub.Channel) pubsub.Retention {
	if r, ok := retentions[c.Namespace()]; ok {
		return r
	}
	return retentions[pubsub.DefaultNamespace]
}

// A starter runs a server until the test is over.
type starter func(testing.TB, setup) *server

// both runs a script twice: over one server with the embedded broker, and over two that
// share a Redis.
func both(t *testing.T, script func(*testing.T, starter)) {
	for name, start := range map[string]starter{"embedded": start, "redis": startOnRedis} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			script(t, start)
		})
	}
}

// start runs a server with the embedded broker.
func start(t testing.TB, o setup) *server {
	t.Helper()
	if o.broker.Retention == nil {
		o.broker.Retention = retention
	}
	s := &server{broker: newFickleBroker(o.broker)}
	s.serve(t, s.broker, o)
	return s
}

// serve starts the server over its broker, until the test is over.
func (s *server) serve(t testing.TB, broker pubsub.Broker, o setup) {
	t.Helper()
	tokens, err := auth.NewTokens(auth.TokenOptions{
		Keys: []auth.Secret{auth.NewSecret(tokenKey)},
		Anonymous: func(namespace string) auth.Op {
			if namespace == "open" {
				return open
			}
			return 0
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.t, s.tokens, s.counts = t, tokens, newCounts()
	o.bridge.OnGap = s.counts.gap
	keys := auth.NewKeys([]auth.Secret{auth.NewSecret(apiKey)}).Match
	if exchange, ok := broker.(pubsub.Exchange); ok {
		o.relay.Exchange = exchange
	}
	o.relay.Observer = measuredStreams
	s.streams = relay.New(o.relay)
	b := bridge.New(measured.Broker(broker), o.bridge)
	if err := b.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	o.transport.Authenticate, o.transport.Observer = s.authenticate, s.counts
	o.transport.Relay, o.transport.Keys = s.streams, keys
	o.transport.Portable = os.Getenv("PORTABLE") != ""
	s.transport = transport.New(b, o.transport)
	handler := seen.Record(measured.Requests(api.New(api.Options{
		Bridge:    b,
		Transport: s.transport,
		Keys:      keys,
		Sign: func(c auth.Claims, ttl time.Duration) (string, time.Time, error) {
			return tokens.Sign(c, ttl, time.Now())
		},
		Ready: func() (bool, string) {
			switch {
			case s.transport.Draining():
				return false, "draining"
			case b.Status().State == pubsub.Down:
				return false, "unavailable"
			case b.Status().State == pubsub.Degraded:
				return true, "degraded"
			}
			return true, "ok"
		},
	})))
	hs := httptest.NewUnstartedServer(handler)
	hs.Listener = s.transport.Front(hs.Listener, handler, api.Short)
	hs.Start()
	s.url = hs.URL
	s.stop = sync.OnceFunc(func() {
		s.streams.Close()
		if err := s.transport.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
		hs.CloseClientConnections()
		hs.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
}

// authenticate is how the server asks who a client is.
func (s *server) authenticate(token string) (transport.Identity, error) {
	if token == "" {
		return identity(s.tokens.Anonymous()), nil
	}
	id, err := s.tokens.Verify(token, time.Now())
	if refused := (*auth.TokenError)(nil); errors.As(err, &refused) {
		if refused.Expired {
			return transport.Identity{}, transport.ErrTokenExpired
		}
		return transport.Identity{}, transport.ErrTokenInvalid
	}
	return identity(id), err
}

func identity(id *auth.Identity) transport.Identity {
	ops := map[transport.Operation]auth.Op{
		transport.Subscribe: auth.Subscribe, transport.Publish: auth.Publish,
		transport.History: auth.History, transport.Presence: auth.Presence,
	}
	return transport.Identity{
		User: id.User, Channels: id.Channels, Expires: id.Expires,
		May: func(op transport.Operation, c pubsub.Channel) bool { return id.May(ops[op], c) },
	}
}

// sign returns a token whose exp lies ttl ahead, or behind.
func (s *server) sign(c auth.Claims, ttl time.Duration) string {
	s.t.Helper()
	token, _, err := s.tokens.Sign(c, time.Hour, time.Now().Add(ttl-time.Hour))
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// everything is what the token of a script may do that is about something else.
var everything = map[string]auth.Op{"*": auth.AllOps, "user:*": auth.AllOps}

func (s *server) token() string {
	return s.sign(auth.Claims{User: "ann", Capabilities: everything}, time.Hour)
}

// each runs a script over every transport.
func each(t *testing.T, script func(*testing.T, raw.Transport)) {
	for _, transport := range raw.Transports() {
		t.Run(transport.String(), func(t *testing.T) {
			t.Parallel()
			script(t, transport)
		})
	}
}

// named returns a channel of a namespace that no other script uses.
func named(t *testing.T, namespace string) pubsub.Channel {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, t.Name())
	return pubsub.Channel(namespace + ":" + name)
}
