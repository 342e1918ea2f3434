package bridge

import (
	"context"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

// BenchmarkFanOut publishes to 1,000 live clients; ns/delivery is what one of them costs
// without its transport.
func BenchmarkFanOut(b *testing.B) {
	br := open(b, Options{}, ample, nil)
	const clients = 1000
	var all [clients]*Client
	for i := range all {
		all[i] = br.Connect(Hooks{Wake: func() {}})
		defer all[i].Close()
		if _, err := all[i].Subscribe(context.Background(), "c", pubsub.Start{}, nil); err != nil {
			b.Fatal(err)
		}
	}
	items := make([]Item, 0, 16)
	b.ReportAllocs()
	for b.Loop() {
		publish(b, br, "c", 128)
		for _, c := range all {
			for {
				got, err := c.Pull(context.Background(), items[:0], Limit{Messages: 16, Bytes: 64 << 10})
				if err != nil {
					b.Fatal(err)
				}
				if len(got) == 0 {
					break
				}
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*clients), "ns/delivery")
}
