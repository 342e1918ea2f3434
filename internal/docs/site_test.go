package docs

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/wsbridge/wsbridge/api"
	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/transport"
)

// What the documents write for the keys of a server.
const (
	apiKey   = "API-KEY"
	tokenKey = "a-token-key-of-at-least-32-bytes"
)

// A site is the whole server that docs/protocol.md is about.
type site struct {
	addr   string
	routes chi.Routes
}

// serve starts a server with keys in force. Anonymous clients may do everything, but for
// nothing in the namespace private.
func serve(t *testing.T) *site {
	t.Helper()
	b := bridge.New(membroker.New(membroker.Options{}), bridge.Options{})
	if err := b.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	tokens, err := auth.NewTokens(auth.TokenOptions{
		Keys: []auth.Secret{auth.NewSecret(tokenKey)},
		Anonymous: func(namespace string) auth.Op {
			if namespace == "private" {
				return 0
			}
			return auth.AllOps
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := auth.NewKeys([]auth.Secret{auth.NewSecret(apiKey)}).Match
	streams := relay.New(relay.Options{})
	clients := transport.New(b, transport.Options{
		Relay: streams, Keys: keys,
		Authenticate: func(token string) (transport.Identity, error) { return identify(tokens, token) },
	})
	handler := api.New(api.Options{
		Bridge: b, Transport: clients,
		Keys: keys,
		Sign: func(c auth.Claims, ttl time.Duration) (string, time.Time, error) {
			return tokens.Sign(c, ttl, time.Now())
		},
	})
	server := httptest.NewUnstartedServer(handler)
	server.Listener = clients.Front(server.Listener, handler, api.Short)
	server.Start()
	t.Cleanup(func() {
		streams.Close()
		server.CloseClientConnections()
		server.Close()
		clients.Close()
		b.Close()
	})
	return &site{strings.TrimPrefix(server.URL, "http://"), handler.(chi.Routes)}
}

var operations = map[transport.Operation]auth.Op{
	transport.Subscribe: auth.Subscribe, transport.Publish: auth.Publish,
	transport.History: auth.History, transport.Presence: auth.Presence,
}

func identify(tokens *auth.Tokens, token string) (transport.Identity, error) {
	id := tokens.Anonymous()
	if token != "" {
		var err error
		if id, err = tokens.Verify(token, time.Now()); err != nil {
			return transport.Identity{}, transport.ErrTokenInvalid
		}
	}
	return transport.Identity{
		User: id.User, Channels: id.Channels, Expires: id.Expires,
		May: func(op transport.Operation, c pubsub.Channel) bool { return id.May(operations[op], c) },
	}, nil
}
