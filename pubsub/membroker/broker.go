package membroker

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// DefaultMemory is the bound on all logs together when [Options] sets none, in bytes.
const DefaultMemory = 256 << 20

// Options configure a [Broker]. The zero value works.
type Options struct {
	// Retention returns what is kept of a channel's log. It is called for every message
	// and must be fast; what it returns may change at any time. nil: always
	// [pubsub.DefaultRetention].
	Retention func(pubsub.Channel) pubsub.Retention

	// PositionTTL is how long a position outlives the messages of its channel after the
	// last publish, read or subscription. 0: [pubsub.DefaultPositionTTL].
	PositionTTL time.Duration

	// Memory bounds all logs together, in bytes. 0: [DefaultMemory].
	Memory int64
}

// A Broker keeps the logs of all channels in memory. It implements [pubsub.Broker].
//
// A message passes two locks: its shard's, for reading, to find the log, and the log's.
// Whoever holds both took the shard's first.
type Broker struct {
	retention func(pubsub.Channel) pubsub.Retention
	ttl       time.Duration
	born      time.Time // the zero instant
	seed      maphash.Seed
	receiver  pubsub.Receiver // set by Start

	memory budget
	idle   idleness
	shards [shardCount]shard

	closed  atomic.Bool
	ended   atomic.Pointer[time.Time] // when it was closed
	stop    chan struct{}             // closed by Close, ends the sweeper
	sweeper sync.WaitGroup
}

var _ pubsub.Broker = (*Broker)(nil)

// An instant is a time by the monotonic clock, since the broker was made: ages are right
// even when the wall clock is set.
type instant = time.Duration

// New returns a broker that is not started yet.
func New(o Options) *Broker {
	b := &Broker{
		retention: o.Retention,
		ttl:       o.PositionTTL,
		born:      time.Now(),
		seed:      maphash.MakeSeed(),
		memory:    budget{limit: o.Memory},
		stop:      make(chan struct{}),
	}
	if b.retention == nil {
		b.retention = func(pubsub.Channel) pubsub.Retention { return pubsub.DefaultRetention }
	}
	if b.ttl <= 0 {
		b.ttl = pubsub.DefaultPositionTTL
	}
	if b.memory.limit <= 0 {
		b.memory.limit = DefaultMemory
	}
	for i := range b.shards {
		b.shards[i].init(&b.idle, i)
	}
	return b
}

func (b *Broker) now() instant { return time.Since(b.born) }

// Start implements [pubsub.Broker].
func (b *Broker) Start(ctx context.Context, r pubsub.Receiver) error {
	if err := b.refuse(ctx); err != nil {
		return err
	}
	b.receiver = r
	b.sweeper.Go(b.sweep)
	return nil
}

// refuse returns why a call should not even begin.
func (b *Broker) refuse(ctx context.Context) error {
	if b.closed.Load() {
		return pubsub.ErrClosed
	}
	return ctx.Err()
}

// Status implements [pubsub.Broker]: the broker is up until it is closed.
func (b *Broker) Status() pubsub.Status {
	if ended := b.ended.Load(); ended != nil {
		return pubsub.Status{State: pubsub.Down, Since: *ended}
	}
	return pubsub.Status{State: pubsub.Up, Since: b.born}
}

// Used returns the bytes that count against [Options.Memory] now.
func (b *Broker) Used() int64 { return b.memory.used.Load() }

// Close implements [pubsub.Broker]. It forgets all logs.
func (b *Broker) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	now := time.Now()
	b.ended.Store(&now)
	close(b.stop)
	b.sweeper.Wait()
	for i := range b.shards {
		// Taking every log's lock once waits for the announcements under way: whoever takes
		// it later finds the log gone and the broker closed.
		b.memory.release(b.shards[i].clear())
	}
	return nil
}
