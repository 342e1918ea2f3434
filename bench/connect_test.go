package bench

import (
	"context"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
)

// BenchmarkSubscribe is a client of the bridge that comes, subscribes to a followed channel, and
// leaves.
func BenchmarkSubscribe(b *testing.B) {
	br := openBridge(b)
	for b.Loop() {
		c := br.Connect(deaf{})
		if _, err := c.Subscribe(context.Background(), "c", pubsub.Start{}, nil); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

// BenchmarkConnect is a WebSocket from dialling until it is subscribed, its side included, and
// its close.
func BenchmarkConnect(b *testing.B) {
	s := openSite(b)
	for b.Loop() {
		if err := dialSocket(b, s).Close(websocket.StatusNormalClosure, ""); err != nil {
			b.Fatal(err)
		}
	}
}
