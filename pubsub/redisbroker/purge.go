package redisbroker

import (
	"context"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Purge implements [pubsub.Broker].
func (b *Broker) Purge(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	if err := b.refuse(ctx); err != nil {
		return pubsub.Position{}, err
	}
	args := append(b.arguments(c), b.announce(), b.keys.suffix)
	text, err := purgeScript.Run(ctx, b.client, b.channelKeys(c), args...).Text()
	if err != nil {
		return pubsub.Position{}, b.failure(err)
	}
	pos, err := pubsub.ParsePosition(text)
	return pos, b.failure(err)
}

// announce returns the command that announces: in a Cluster only the nodes of the slot's shard
// carry it (Redis 7.0, "Sharded Pub/Sub").
func (b *Broker) announce() string {
	if b.cluster != nil {
		return "SPUBLISH"
	}
	return "PUBLISH"
}
