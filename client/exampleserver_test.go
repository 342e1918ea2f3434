package client_test

import (
	"context"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/wsbridge/wsbridge/api"
	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/transport"
)

const exampleKey = "the-api-key-of-the-examples"

var exampleTokens = func() *auth.Tokens {
	tokens, err := auth.NewTokens(auth.TokenOptions{
		Keys: []auth.Secret{auth.NewSecret("a-token-key-of-more-than-thirty-two-bytes")},
		Anonymous: func(namespace string) auth.Op {
			if namespace == "private" {
				return 0
			}
			return auth.AllOps
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	return tokens
}()

func exampleToken(ttl time.Duration) string {
	token, _, err := exampleTokens.Sign(auth.Claims{User: "ann", Capabilities: map[string]auth.Op{"private:*": auth.Subscribe}}, ttl, time.Now())
	if err != nil {
		log.Fatal(err)
	}
	return token
}

// exampleServer runs a real server, as long as the tests run.
func exampleServer() (url string) {
	b := bridge.New(membroker.New(membroker.Options{}), bridge.Options{})
	if err := b.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	may := map[transport.Operation]auth.Op{
		transport.Subscribe: auth.Subscribe, transport.Publish: auth.Publish,
		transport.History: auth.History, transport.Presence: auth.Presence,
	}
	streams := relay.New(relay.Options{})
	keys := auth.NewKeys([]auth.Secret{auth.NewSecret(exampleKey)})
	t := transport.New(b, transport.Options{Relay: streams, Keys: keys.Match, Authenticate: func(token string) (transport.Identity, error) {
		id := exampleTokens.Anonymous()
		if token != "" {
			var err error
			if id, err = exampleTokens.Verify(token, time.Now()); err != nil {
				return transport.Identity{}, transport.ErrTokenInvalid
			}
		}
		return transport.Identity{
			User: id.User, Channels: id.Channels, Expires: id.Expires,
			May: func(op transport.Operation, c pubsub.Channel) bool { return id.May(may[op], c) },
		}, nil
	}})
	hs := httptest.NewServer(api.New(api.Options{
		Bridge: b, Transport: t,
		Keys:  keys.Match,
		Ready: func() (bool, string) { return true, "ok" },
	}))
	stopExamples = append(stopExamples, func() {
		streams.Close()
		t.Close()
		http.DefaultClient.CloseIdleConnections()
		hs.CloseClientConnections()
		hs.Close()
		b.Close()
	})
	return hs.URL
}

var stopExamples []func()
