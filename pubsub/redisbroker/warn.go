package redisbroker

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// warn logs settings of Redis that let it drop what it was given to keep. They may change
// while instances run, so this refuses nothing.
func (b *Broker) warn(ctx context.Context) {
	err := b.masters(ctx, func(ctx context.Context, node *redis.Client) error {
		// INFO tells it as well as CONFIG GET, which few users may run.
		info, err := node.Info(ctx, "memory").Result()
		if policy := infoField(info, "maxmemory_policy"); err == nil && policy != "noeviction" {
			b.log.Warn("Redis evicts keys when its memory is full, and clients that miss messages are told of gaps: set maxmemory-policy noeviction",
				"maxmemory-policy", policy)
		}
		return err
	})
	if err != nil {
		b.log.Warn("it is not known whether Redis evicts keys when its memory is full", "error", err)
	}
}
