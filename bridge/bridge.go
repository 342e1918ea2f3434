package bridge

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Options of a Bridge. The zero value works.
type Options struct {
	Queue         int           // bytes that wait for one client at most; 0: 1 MiB
	Subscriptions int           // of one client at most; 0: 1,000
	Linger        time.Duration // how long a channel is followed after its last subscriber left; 0: 15 s
	Lingering     int           // channels that linger at most, in steps of 256; beyond, the oldest go at once; 0: 50,000
	Stall         time.Duration // how long a client whose queue was full may take nothing; 0: 5 s
	Retry         time.Duration // pause before a log that could not be read is tried again; 0: 500 ms

	OnGap func(pubsub.Reason) // called for each gap that a client is given; nil: nothing
}

func (o Options) withDefaults() Options {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if o.Queue == 0 {
		o.Queue = 1 << 20
	}
	if o.Subscriptions == 0 {
		o.Subscriptions = 1000
	}
	if o.Lingering == 0 {
		o.Lingering = 50_000
	}
	def(&o.Linger, 15*time.Second)
	def(&o.Stall, 5*time.Second)
	def(&o.Retry, 500*time.Millisecond)
	if o.OnGap == nil {
		o.OnGap = func(pubsub.Reason) {}
	}
	return o
}

// A Bridge connects a broker with the clients of this instance. All methods may be called
// at once from any goroutine.
type Bridge struct {
	broker  pubsub.Broker
	options Options
	flaws   flaws
	created time.Time

	seed   maphash.Seed
	shards [shardCount]shard
	tails  atomic.Int64 // bytes in all channels' tails
	pages  atomic.Int64 // bytes in all pages that channels keep

	sweeper sweeper
}

// New returns a bridge over a broker, which belongs to it from now on.
func New(broker pubsub.Broker, o Options) *Bridge {
	b := &Bridge{broker: broker, options: o.withDefaults(), created: time.Now(), seed: maphash.MakeSeed()}
	b.sweeper.init()
	return b
}

// Start starts the broker and the bridge. After [pubsub.ErrUnavailable] it may be called
// again; nothing else may be called before it has succeeded, but Close, Load and Status.
func (b *Bridge) Start(ctx context.Context) error {
	if err := b.broker.Start(ctx, receiver{b}); err != nil {
		return err
	}
	b.sweeper.run(b)
	return nil
}

// Close ends the bridge and its broker. Clients should have been closed before.
func (b *Bridge) Close() error {
	b.sweeper.close()
	return b.broker.Close()
}

// clock tells the time since the bridge was made: it never goes back, and takes little room.
func (b *Bridge) clock() time.Duration { return time.Since(b.created) }

// Publish appends a message to its channel. It makes the ID when there is none. The errors
// are those of [pubsub.Broker], and [pubsub.ErrMessage].
func (b *Bridge) Publish(ctx context.Context, p pubsub.Publication) (pubsub.Receipt, error) {
	if err := b.prepare(&p); err != nil {
		return pubsub.Receipt{}, err
	}
	return b.broker.Publish(ctx, p)
}

// PublishBatch publishes several messages, in order within a channel, and tells the outcome
// of each in the order of ps.
func (b *Bridge) PublishBatch(ctx context.Context, ps []pubsub.Publication) []pubsub.Outcome {
	outcomes := make([]pubsub.Outcome, len(ps))
	good, places := make([]pubsub.Publication, 0, len(ps)), make([]int, 0, len(ps))
	for i, p := range ps {
		if err := b.prepare(&p); err != nil {
			outcomes[i].Err = err
			continue
		}
		good, places = append(good, p), append(places, i)
	}
	if len(good) == 0 {
		return outcomes
	}
	for i, outcome := range b.broker.PublishBatch(ctx, good) {
		outcomes[places[i]] = outcome
	}
	return outcomes
}

func (b *Bridge) prepare(p *pubsub.Publication) error {
	if p.ID == uuid.Nil {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		p.ID = id
	}
	return p.Check()
}

// Read returns what stands behind a position; see [pubsub.Broker].
func (b *Bridge) Read(ctx context.Context, c pubsub.Channel, since pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	return b.broker.Read(ctx, c, since, limit)
}

// ReadBack returns the messages in front of the one at before, so that the position of the
// oldest message shown leads to older ones: a position of the broker is behind its message.
// The zero Position: the newest.
func (b *Bridge) ReadBack(ctx context.Context, c pubsub.Channel, before pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	if !before.IsZero() {
		at, err := b.broker.ReadBack(ctx, c, before, pubsub.Limit{Messages: 1})
		if err != nil {
			return at, err
		}
		if len(at.Messages) == 1 && at.Messages[0].Pos == before {
			before = at.From
		}
	}
	return b.broker.ReadBack(ctx, c, before, limit)
}

// Purge forgets the log of c. Subscribers are told at once.
func (b *Bridge) Purge(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	return b.broker.Purge(ctx, c)
}

// Info tells of one channel, over all instances.
func (b *Bridge) Info(ctx context.Context, c pubsub.Channel) (pubsub.Info, error) {
	return b.broker.Info(ctx, c)
}

// Channels lists active channels; see [pubsub.Broker].
func (b *Bridge) Channels(ctx context.Context, prefix string, after pubsub.Channel, limit int) ([]pubsub.Info, error) {
	return b.broker.Channels(ctx, prefix, after, limit)
}

// Status tells how the broker is.
func (b *Bridge) Status() pubsub.Status { return b.broker.Status() }

// A receiver is what the broker sees of the bridge.
type receiver struct{ b *Bridge }

func (r receiver) Message(m *pubsub.Message) {
	if ch := r.b.lookup(m.Channel); ch != nil {
		ch.message(m)
	}
}

func (r receiver) Break(c pubsub.Channel) {
	if ch := r.b.lookup(c); ch != nil {
		ch.mu.Lock()
		ch.broken()
		ch.mu.Unlock()
	}
}

func (r receiver) Subscribers(c pubsub.Channel) int {
	if ch := r.b.lookup(c); ch != nil {
		return ch.subscribers()
	}
	return 0
}

// shardCount spreads channels over locks, so that two of them seldom meet in one.
const shardCount = 256

type shard struct {
	mu       sync.RWMutex
	channels map[pubsub.Channel]*channel
	idle     []*channel // in the order in which their last subscriber left, roughly
}

func (b *Bridge) shard(c pubsub.Channel) *shard {
	return &b.shards[maphash.String(b.seed, string(c))%shardCount]
}

func (b *Bridge) lookup(c pubsub.Channel) *channel {
	s := b.shard(c)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.channels[c]
}
