package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
)

// BenchmarkVariety is BenchmarkDelivery over WebSocket for what else there is: other sizes,
// compression, TLS within the process, and clients with many channels.
func BenchmarkVariety(b *testing.B) {
	const clients = 100
	for _, v := range []struct {
		name     string
		size     int // bytes of data
		channels int // of each client
		deflate  bool
		tls      bool
	}{
		{"128 B", 128, 1, false, false},
		{"4 KiB", 4 << 10, 1, false, false},
		{"64 KiB", 64 << 10, 1, false, false},
		{"4 KiB, deflated", 4 << 10, 1, true, false},
		{"128 B, TLS", 128, 1, false, true},
		{"4 KiB, TLS", 4 << 10, 1, false, true},
		{"128 B, 50 channels", 128, 50, false, false},
	} {
		b.Run(v.name, func(b *testing.B) {
			s := openSite(b)
			if v.tls {
				s = openSecureSite(b)
			}
			var names []string
			for i := range v.channels {
				names = append(names, fmt.Sprintf("c%d", i))
			}
			o := &websocket.DialOptions{TLS: &tls.Config{InsecureSkipVerify: true}}
			if v.deflate {
				o.Deflate = &websocket.DeflateOptions{}
			}
			var all []*websocket.Conn
			for range clients {
				c, _, err := websocket.Dial(context.Background(), s.socketURL(strings.Join(names, ",")), o)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { c.CloseNow() })
				for range 1 + len(names) { // welcome, and each channel's subscribed
					if _, _, err := c.ReadMessage(context.Background(), nil); err != nil {
						b.Fatal(err)
					}
				}
				all = append(all, c)
			}
			message := pubsub.Publication{Data: pubsub.Data{Kind: pubsub.JSON, Bytes: words(v.size)}}
			var buf []byte
			for i := 0; b.Loop(); i++ {
				message.Channel = pubsub.Channel(names[i%len(names)])
				if _, err := s.Publish(context.Background(), message); err != nil {
					b.Fatal(err)
				}
				for _, c := range all {
					_, text, err := c.ReadMessage(context.Background(), buf)
					if err != nil || !bytes.HasPrefix(text, []byte(`{"type":"message"`)) {
						b.Fatalf("%s, %v", text, err)
					}
					buf = text
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*clients), "ns/delivery")
		})
	}
}

// words returns a JSON string of about n bytes that compresses as text does.
func words(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	text := []byte{'"'}
	for len(text) < n-10 {
		text = fmt.Appendf(text, "%s ", []string{"order", "paid", "customer", "shipped", "total", "price", "note"}[r.IntN(7)])
		text = fmt.Appendf(text, "%d ", r.IntN(1000))
	}
	return append(text, '"')
}
