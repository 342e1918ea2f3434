package client

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/api"
	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/transport"
)

const (
	apiKey   = "the-api-key-of-these-tests"
	tokenKey = "a-token-key-of-more-than-thirty-two-bytes"
)

// A server is a real one, on a network of pipes.
type server struct {
	t      *testing.T
	net    *network
	bridge *bridge.Bridge
	tokens *auth.Tokens
	http   *http.Client // of who talks to it past everything between

	relay     *relay.Relay
	handler   atomic.Pointer[http.Handler]
	transport *transport.Server
}

// serve runs a server at the name "origin", open to everyone in the namespaces "open" and
// "chat", and to whoever has a token for the rest.
func serve(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, net: newNetwork()}
	tokens, err := auth.NewTokens(auth.TokenOptions{
		Keys: []auth.Secret{auth.NewSecret(tokenKey)},
		Anonymous: func(namespace string) auth.Op {
			if namespace == "open" {
				return auth.Subscribe | auth.Publish | auth.History
			}
			return 0
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.tokens = tokens
	s.bridge = bridge.New(membroker.New(membroker.Options{Retention: func(c pubsub.Channel) pubsub.Retention {
		if c.Namespace() == "few" {
			return pubsub.Retention{Count: 5, Age: time.Hour, Bytes: 1 << 20}
		}
		return pubsub.Retention{Count: 100_000, Age: 24 * time.Hour, Bytes: 64 << 20}
	}}), bridge.Options{})
	if err := s.bridge.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.bridge.Close(); err != nil {
			t.Error(err)
		}
	})
	s.relay = relay.New(relay.Options{})
	s.start()
	t.Cleanup(func() {
		s.relay.Close()
		s.transport.Close()
	})
	s.net.listen(t, "origin", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.handler.Load()).ServeHTTP(w, r) }))
	s.http = s.net.past(t)
	return s
}

// start begins an instance.
func (s *server) start() {
	keys := auth.NewKeys([]auth.Secret{auth.NewSecret(apiKey)})
	s.transport = transport.New(s.bridge, transport.Options{Authenticate: s.authenticate, Relay: s.relay, Keys: keys.Match})
	h := http.Handler(api.New(api.Options{
		Bridge: s.bridge, Transport: s.transport,
		Keys:  keys.Match,
		Ready: func() (bool, string) { return true, "ok" },
	}))
	s.handler.Store(&h)
}

// restart ends the instance as SIGTERM does, and begins another one on the same logs.
func (s *server) restart() {
	old := s.transport
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := old.Drain(ctx, 5*time.Second); err != nil {
		s.t.Error(err)
	}
	s.start()
	old.Close()
}

func (s *server) authenticate(token string) (transport.Identity, error) {
	id := s.tokens.Anonymous()
	if token != "" {
		var err error
		if id, err = s.tokens.Verify(token, time.Now()); err != nil {
			if refused, ok := err.(*auth.TokenError); ok && refused.Expired {
				return transport.Identity{}, transport.ErrTokenExpired
			}
			return transport.Identity{}, transport.ErrTokenInvalid
		}
	}
	ops := map[transport.Operation]auth.Op{
		transport.Subscribe: auth.Subscribe, transport.Publish: auth.Publish,
		transport.History: auth.History, transport.Presence: auth.Presence,
	}
	return transport.Identity{
		User: id.User, Channels: id.Channels, Expires: id.Expires,
		May: func(op transport.Operation, c pubsub.Channel) bool { return id.May(ops[op], c) },
	}, nil
}

// token signs one for ann, whose exp lies ttl ahead, or behind.
func (s *server) token(ttl time.Duration, channels ...pubsub.Channel) string {
	s.t.Helper()
	token, _, err := s.tokens.Sign(auth.Claims{User: "ann", Channels: channels, Capabilities: map[string]auth.Op{"*": auth.AllOps}}, time.Hour, time.Now().Add(ttl-time.Hour))
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// client returns one that reaches the server by a name.
func (s *server) client(name string, o Options) *Client {
	s.t.Helper()
	if o.HTTPClient == nil {
		o.HTTPClient = s.net.client(s.t)
	}
	c, err := New("http://"+name, o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// backend publishes past everything between.
func (s *server) backend() *Client {
	return s.client("origin", Options{APIKey: apiKey, HTTPClient: s.http})
}

// A ledger holds what a subscription is given against what was published: n messages whose
// data is their number.
type ledger struct {
	t    *testing.T
	next int
	gaps []Gap
}

// follow takes events until message n was given. Every message comes once and in order.
func (l *ledger) follow(sub *Subscription, n int) {
	l.t.Helper()
	for l.next < n {
		ctx, cancel := context.WithTimeout(l.t.Context(), time.Hour)
		e, err := sub.Next(ctx)
		cancel()
		switch {
		case err != nil:
			l.t.Fatalf("behind message %d: %v", l.next, err)
		case e.Gap != nil:
			l.gaps = append(l.gaps, *e.Gap)
		default:
			l.next++
			if got := string(e.Message.Data.Bytes); got != fmt.Sprint(l.next) {
				l.t.Fatalf("message %s came where %d was expected", got, l.next)
			}
		}
	}
}

// publish publishes messages from..to at a pace.
func (s *server) publish(c pubsub.Channel, from, to int, pace time.Duration) {
	s.t.Helper()
	for n := from; n <= to; n++ {
		if _, err := s.bridge.Publish(s.t.Context(), pubsub.Publication{
			Channel: c, Data: pubsub.Data{Kind: pubsub.JSON, Bytes: fmt.Append(nil, n)},
		}); err != nil {
			s.t.Error(err)
			return
		}
		time.Sleep(pace)
	}
}
