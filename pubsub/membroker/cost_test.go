package membroker

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"github.com/wsbridge/wsbridge/pubsub"
)

// TestCosts holds what counts against the bound on memory against what the heap says: the
// bound is worth nothing if it counts less than is used.
func TestCosts(t *testing.T) {
	const n = 20_000
	ctx := context.Background()
	names := make([]pubsub.Channel, n)
	for i := range names {
		names[i] = pubsub.Channel("orders:" + strconv.Itoa(i))
	}
	data := []byte(`{"n":1}`)
	for _, test := range []struct {
		name string
		use  func(b *Broker, i int)
	}{
		{"channels", func(b *Broker, i int) { b.Follow(ctx, names[i]) }},
		{"channels with a message", func(b *Broker, i int) {
			b.Publish(ctx, pubsub.Publication{Channel: names[i], ID: uuid.New(), Data: pubsub.Data{Kind: pubsub.JSON, Bytes: data}})
		}},
		{"channels with a key", func(b *Broker, i int) {
			b.Publish(ctx, pubsub.Publication{Channel: names[i], ID: uuid.New(), Key: fmt.Sprintf("key-%032d", i)})
		}},
		{"messages", func(b *Broker, i int) {
			b.Publish(ctx, pubsub.Publication{Channel: "a", ID: uuid.New(), Data: pubsub.Data{Kind: pubsub.JSON, Bytes: data}})
		}},
		{"messages with a key", func(b *Broker, i int) {
			b.Publish(ctx, pubsub.Publication{Channel: "a", ID: uuid.New(), Key: fmt.Sprintf("key-%032d", i)})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := New(Options{Retention: func(pubsub.Channel) pubsub.Retention {
				r := pubsub.DefaultRetention
				r.Count, r.Bytes = n, 1<<40
				return r
			}})
			if err := b.Start(ctx, silent{}); err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			before := heap()
			for i := range n {
				test.use(b, i)
			}
			used, counted := heap()-before, b.Used()
			t.Logf("%d bytes each, counted as %d", used/n, counted/n)
			if used > counted {
				t.Errorf("%d bytes are used, only %d counted", used, counted)
			}
			if used < counted/3 {
				t.Errorf("%d bytes are used, %d counted: memory lies idle", used, counted)
			}
			runtime.KeepAlive(b)
		})
	}
	runtime.KeepAlive(names)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// silent is a receiver that nobody asks.
type silent struct{}

func (silent) Message(*pubsub.Message)        {}
func (silent) Break(pubsub.Channel)           {}
func (silent) Subscribers(pubsub.Channel) int { return 0 }
