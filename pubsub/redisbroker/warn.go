package redisbroker

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// warn logs settings of Redis that let it drop what it was given to keep. They may change
// while instances run, so this refuses nothing.
func (b *Broker) warn(ctx context.Context) {
	_ = b.masters(ctx, func(ctx context.Context, node *redis.Client) error {
		switch policy := evictionPolicy(ctx, node); policy {
		case "noeviction":
		case "":
			b.log.Warn("it is not known whether Redis evicts keys when its memory is full: INFO does not tell")
		default:
			b.log.Warn("Redis evicts keys when its memory is full, so that clients may miss messages and are told of gaps: set maxmemory-policy noeviction",
				"maxmemory-policy", policy)
		}
		return nil
	})
}

// evictionPolicy returns maxmemory-policy, "" when it is not told. INFO tells it where CONFIG
// GET is seldom allowed.
func evictionPolicy(ctx context.Context, node *redis.Client) string {
	info, _ := node.Info(ctx, "memory").Result()
	return infoField(info, "maxmemory_policy")
}
