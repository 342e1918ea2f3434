package load

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/api"
	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/transport"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// startServer runs a real server, open to everyone, until the test is over.
func startServer(t testing.TB) (url string) {
	t.Helper()
	b := bridge.New(membroker.New(membroker.Options{}), bridge.Options{})
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	clients := transport.New(b, transport.Options{
		Authenticate: func(string) (transport.Identity, error) {
			return transport.Identity{May: func(transport.Operation, pubsub.Channel) bool { return true }}, nil
		},
	})
	hs := httptest.NewServer(api.New(api.Options{Bridge: b, Transport: clients, Anyone: true}))
	t.Cleanup(func() {
		clients.Close()
		hs.CloseClientConnections()
		hs.Close()
		b.Close()
	})
	return hs.URL
}
