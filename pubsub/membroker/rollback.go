package membroker

import (
	"context"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Rollback cuts off what stands behind an offset and keeps the epoch, as if a replica had
// been promoted that had not seen the tail. It returns the new end; what retention
// dropped is not cut off. The embedded broker never does this by itself: Rollback lets
// tests of its callers see what other brokers can do.
func (b *Broker) Rollback(ctx context.Context, c pubsub.Channel, offset uint64) (pubsub.Position, error) {
	var end pubsub.Position
	err := b.visit(ctx, c, func(l *log, _ instant, _ pubsub.Retention) {
		for l.kept.len() > 0 && l.end.Offset > offset {
			l.uncount(l.kept.popBack().message)
			l.end = l.position(l.kept.len())
		}
		if l.window != nil {
			l.release(l.window.retract(l.end)) // the replica has not seen the keys either
		}
		if l.followed {
			b.receiver.Break(c)
		}
		end = l.end
	})
	return end, err
}
