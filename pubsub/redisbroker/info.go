package redisbroker

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Info implements [pubsub.Broker]. Subscribers on this instance are counted as they are now;
// what others report is some two seconds old, and up to 30 seconds when an instance was
// killed or Redis was away. At most 1,000 instances are counted, in one pipeline.
func (b *Broker) Info(ctx context.Context, c pubsub.Channel) (pubsub.Info, error) {
	if err := b.refuse(ctx); err != nil {
		return pubsub.Info{}, err
	}
	info, err := b.inspect(ctx, c)
	if err != nil {
		return pubsub.Info{}, b.failure(err)
	}
	elsewhere, err := b.instances.subscribers(ctx, c)
	if err != nil {
		return pubsub.Info{}, b.failure(err)
	}
	info.Subscribers = b.receiver.Subscribers(c) + elsewhere
	return info, nil
}

// subscribers returns how many subscribers c has on all other instances.
func (i *instances) subscribers(ctx context.Context, c pubsub.Channel) (int, error) {
	ids, err := i.others(ctx)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	pipe := i.b.client.Pipeline()
	counts := make([]*redis.StringCmd, len(ids))
	for n, id := range ids {
		counts[n] = pipe.HGet(ctx, i.b.keys.instance(id), string(c))
	}
	_, _ = pipe.Exec(ctx)
	sum := 0
	for _, count := range counts {
		n, err := count.Int()
		if err != nil && !errors.Is(err, redis.Nil) {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}
