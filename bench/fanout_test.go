package bench

import (
	"context"
	"fmt"
	"testing"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
)

// BenchmarkFanOut publishes to a channel that many clients are live on, and lets each take the
// message. ns/delivery is what one of them costs without its transport.
func BenchmarkFanOut(b *testing.B) {
	for _, clients := range []int{1000, 10_000} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			br := openBridge(b)
			all := make([]*bridge.Client, clients)
			for i := range all {
				all[i] = br.Connect(deaf{})
				defer all[i].Close()
				if _, err := all[i].Subscribe(context.Background(), "c", pubsub.Start{}, nil); err != nil {
					b.Fatal(err)
				}
			}
			items := make([]bridge.Item, 0, 16)
			for b.Loop() {
				if _, err := br.Publish(context.Background(), publication("c")); err != nil {
					b.Fatal(err)
				}
				for _, c := range all {
					if n := pull(b, c, items); n != 1 {
						b.Fatalf("a client was given %d messages", n)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*clients), "ns/delivery")
		})
	}
}

// pull takes everything that waits for a client, and says how much it was.
func pull(b *testing.B, c *bridge.Client, items []bridge.Item) (n int) {
	for {
		got, err := c.Pull(context.Background(), items[:0], bridge.Limit{Messages: 16, Bytes: 64 << 10})
		if err != nil {
			b.Fatal(err)
		}
		if len(got) == 0 {
			return n
		}
		n += len(got)
	}
}
