package membroker

import (
	"context"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Purge implements [pubsub.Broker]. Idempotency keys survive it: a late repeat does not
// bring back what was deleted.
func (b *Broker) Purge(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	var end pubsub.Position
	err := b.visit(ctx, c, func(l *log, _ instant, _ pubsub.Retention) {
		l.drop(l.kept.len())
		l.restart(l.end.Epoch.Purged())
		if l.followed {
			b.receiver.Break(c)
		}
		end = l.end
	})
	return end, err
}
