package membroker

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/wsbridge/wsbridge/pubsub"
)

func newBench(b *testing.B) *Broker {
	broker := New(Options{})
	if err := broker.Start(b.Context(), silent{}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { broker.Close() })
	b.ReportAllocs()
	return broker
}

var benchData = pubsub.Data{Kind: pubsub.JSON, Bytes: []byte(`{"order":42,"state":"paid","total":"19.90"}`)}

func BenchmarkPublish(b *testing.B) {
	broker := newBench(b)
	p := pubsub.Publication{Channel: "orders:42", ID: uuid.New(), Data: benchData}
	broker.Follow(b.Context(), p.Channel)
	for b.Loop() {
		if _, err := broker.Publish(context.Background(), p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPublishKeyed(b *testing.B) {
	broker := newBench(b)
	var keys []string
	for i := range 100_000 {
		keys = append(keys, "backend/"+strconv.Itoa(i))
	}
	i := 0
	for b.Loop() {
		p := pubsub.Publication{Channel: "orders:42", ID: uuid.New(), Data: benchData, Key: keys[i%len(keys)]}
		i++
		if _, err := broker.Publish(context.Background(), p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPublishChannels(b *testing.B) {
	broker := newBench(b)
	benchChannels(b, broker)
}

// BenchmarkPublishFull publishes while the bound on memory makes each message take the
// place of an older one.
func BenchmarkPublishFull(b *testing.B) {
	broker := New(Options{Memory: 4 << 20})
	if err := broker.Start(b.Context(), silent{}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { broker.Close() })
	b.ReportAllocs()
	benchChannels(b, broker)
}

func benchChannels(b *testing.B, broker *Broker) {
	var channels []pubsub.Channel
	for i := range 10_000 {
		channels = append(channels, pubsub.Channel("orders:"+strconv.Itoa(i)))
	}
	var next atomic.Uint64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		i := next.Add(1) * 1_000_003
		for pb.Next() {
			i++
			p := pubsub.Publication{Channel: channels[i%uint64(len(channels))], ID: uuid.UUID{}, Data: benchData}
			if _, err := broker.Publish(context.Background(), p); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	broker := newBench(b)
	var middle pubsub.Position
	for i := range 1000 {
		r, err := broker.Publish(b.Context(), pubsub.Publication{Channel: "orders:42", ID: uuid.New(), Data: benchData})
		if err != nil {
			b.Fatal(err)
		}
		if i == 900 {
			middle = r.Message.Pos
		}
	}
	for b.Loop() {
		page, err := broker.Read(context.Background(), "orders:42", middle, pubsub.Limit{Messages: 64, Bytes: 256 << 10})
		if err != nil || len(page.Messages) != 64 {
			b.Fatal(len(page.Messages), err)
		}
	}
}
