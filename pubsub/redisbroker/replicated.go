package redisbroker

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Replicas confirm publications. WAIT covers what its own connection wrote, so each
// confirmation has a connection to itself, writes something behind the message, and waits
// for that: replication keeps the order. It does not matter who wrote the message, or when,
// so a repeat waits like the first.
type replicas struct {
	b      *Broker
	client redis.UniversalClient
	slots  chan struct{} // one for each that waits
}

const maxConfirming = 64

func (r *replicas) init(b *Broker) {
	o := clientOptions(b.o)
	o.PoolSize = maxConfirming
	r.b, r.client, r.slots = b, redis.NewUniversalClient(o), make(chan struct{}, maxConfirming)
}

func (r *replicas) close() error { return r.client.Close() }

// confirm waits until a replica has the messages of the given outcomes, and adds
// ErrNotReplicated to those of which that is not known by the deadline. They wait side by
// side, each master once.
func (r *replicas) confirm(ctx context.Context, outcomes []pubsub.Outcome, which []int, deadline time.Time) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	groups := make(map[*redis.Client][]int)
	for _, i := range which {
		node, err := r.master(ctx, r.b.keys.record(outcomes[i].Receipt.Message.Channel))
		if err != nil {
			outcomes[i].Err = fmt.Errorf("%w: %w", pubsub.ErrNotReplicated, err)
			continue
		}
		groups[node] = append(groups[node], i)
	}
	done := make(chan struct{}, len(groups))
	for node, group := range groups {
		go func() {
			r.group(ctx, node, outcomes, group, deadline)
			done <- struct{}{}
		}()
	}
	for range groups {
		<-done
	}
}

// group confirms messages of one master.
func (r *replicas) group(ctx context.Context, node *redis.Client, outcomes []pubsub.Outcome, group []int, deadline time.Time) {
	fail := func(i int, err error) { outcomes[i].Err = fmt.Errorf("%w: %w", pubsub.ErrNotReplicated, err) }
	failAll := func(err error) {
		for _, i := range group {
			if outcomes[i].Err == nil {
				fail(i, err)
			}
		}
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		failAll(fmt.Errorf("%d others wait for replicas", maxConfirming))
		return
	}
	conn := node.Conn()
	defer conn.Close()
	pipe := conn.Pipeline()
	wrote := make([]*redis.Cmd, len(group))
	for k, i := range group {
		m := outcomes[i].Receipt.Message
		args := append(r.b.arguments(m.Channel), string(m.Pos.Epoch), m.Pos.Offset, fmt.Sprintf("%08x", uint32(m.Pos.Digest)))
		run := confirmScript.EvalSha
		if k == 0 {
			run = confirmScript.Eval // brings the script along for the others
		}
		wrote[k] = run(ctx, pipe, r.b.channelKeys(m.Channel), args...)
	}
	pipe.Exec(ctx) // every command has its own error
	for k, i := range group {
		switch has, err := wrote[k].Int(); {
		case err != nil:
			fail(i, err)
		case has == 0:
			fail(i, fmt.Errorf("the master was replaced, and the new one lacks it"))
		}
	}
	patience := min(confirmWithin, time.Until(deadline)-spare)
	if patience <= 0 {
		failAll(context.DeadlineExceeded)
		return
	}
	n, err := conn.Wait(ctx, 1, patience).Result()
	if err == nil && n < 1 {
		err = fmt.Errorf("none of the replicas answered within %v", patience.Round(time.Millisecond))
	}
	if err != nil {
		failAll(err)
	}
}

func (r *replicas) master(ctx context.Context, key string) (*redis.Client, error) {
	if cluster, ok := r.client.(*redis.ClusterClient); ok {
		return cluster.MasterForKey(ctx, key)
	}
	return r.client.(*redis.Client), nil
}
