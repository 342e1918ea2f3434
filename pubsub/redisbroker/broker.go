package redisbroker

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A Broker keeps the logs of all channels in Redis. It implements [pubsub.Broker].
type Broker struct {
	o     Options
	id    string // of this broker among those on the same Redis, new with each start
	log   *slog.Logger
	keys  keyspace
	flaws flaws

	client  redis.UniversalClient
	cluster *redis.ClusterClient // client, when it is one

	receiver  pubsub.Receiver // set by Start
	lanes     lanes
	replicas  replicas
	witness   witness
	lines     *lines
	instances *instances
	inbox     inbox

	closed atomic.Bool
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

var _ pubsub.Broker = (*Broker)(nil)

// New returns a broker that is not started yet and holds no connection.
func New(o Options) (*Broker, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Broker{o: o, id: strings.ToLower(rand.Text()[:12]), log: o.Logger, keys: newKeyspace(o), flaws: chosenFlaws()}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.client = newClient(o)
	b.cluster, _ = b.client.(*redis.ClusterClient)
	b.lanes.init(b)
	b.replicas.init(b)
	b.witness.init(b)
	b.lines = newLines(b)
	b.instances = newInstances(b)
	b.inbox.b = b
	return b, nil
}

// Start implements [pubsub.Broker]. With an error that wraps [pubsub.ErrUnavailable] Redis
// cannot be reached or is not ready: Start may be called again. Any other error is one that
// waiting does not mend.
func (b *Broker) Start(ctx context.Context, r pubsub.Receiver) error {
	if err := b.refuse(ctx); err != nil {
		return err
	}
	b.receiver = r
	for _, step := range []func(context.Context) error{
		b.guard,
		b.loadScripts,
		b.instances.start,
		b.lines.start,
	} {
		if err := step(ctx); err != nil {
			return startFailure(err)
		}
	}
	b.warn(ctx)
	b.lanes.start()
	b.wg.Go(b.witness.run)
	if b.inbox.receive != nil {
		b.wg.Go(b.inbox.run)
	}
	return nil
}

// refuse returns why a call should not even begin.
func (b *Broker) refuse(ctx context.Context) error {
	if b.closed.Load() {
		return pubsub.ErrClosed
	}
	return ctx.Err()
}

// Follow implements [pubsub.Broker].
func (b *Broker) Follow(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	if err := b.refuse(ctx); err != nil {
		return pubsub.Position{}, err
	}
	end, err := b.lines.follow(ctx, c)
	return end, b.failure(err)
}

// Unfollow implements [pubsub.Broker].
func (b *Broker) Unfollow(c pubsub.Channel) { b.lines.unfollow(c) }

// Line implements [pubsub.Broker].
func (b *Broker) Line(c pubsub.Channel) uint64 { return b.lines.carrier(c) }

// Status implements [pubsub.Broker].
func (b *Broker) Status() pubsub.Status {
	status := b.lines.state()
	if b.closed.Load() {
		status.State = pubsub.Down
	}
	return status
}

// Close implements [pubsub.Broker]. The logs stay where they are.
func (b *Broker) Close() error {
	if b.closed.Swap(true) {
		return nil
	}
	b.lanes.close()
	b.lines.close()
	b.instances.close()
	b.cancel()
	b.wg.Wait()
	err := errors.Join(b.replicas.close(), b.client.Close())
	return b.failure(err)
}
