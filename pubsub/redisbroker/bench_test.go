package redisbroker

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
)

// BenchmarkPublish publishes 256 bytes to 1,000 channels from 64 goroutines.
func BenchmarkPublish(b *testing.B) {
	s := start(b, redistest.Start(b))
	data := pubsub.Data{Kind: pubsub.JSON, Bytes: fmt.Appendf(nil, `"%0254d"`, 0)}
	channels := make([]pubsub.Channel, 1000)
	for i := range channels {
		channels[i] = pubsub.Channel("bench:" + strconv.Itoa(i))
	}
	b.ReportAllocs()
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	for range 64 {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				id, _ := uuid.NewV7()
				if _, err := s.Publish(context.Background(), pubsub.Publication{Channel: channels[n%1000], ID: id, Data: data}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "publishes/s")
}
