package transport_test

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// An outage is a broker that can be away, or take its time.
type outage struct {
	pubsub.Broker
	down  atomic.Bool
	delay time.Duration // of each publish
}

func (o *outage) Status() pubsub.Status {
	if o.down.Load() {
		return pubsub.Status{State: pubsub.Down}
	}
	return o.Broker.Status()
}

func (o *outage) Publish(ctx context.Context, p pubsub.Publication) (pubsub.Receipt, error) {
	if o.down.Load() {
		return pubsub.Receipt{}, pubsub.ErrUnavailable
	}
	time.Sleep(o.delay)
	return o.Broker.Publish(ctx, p)
}

func (o *outage) Read(ctx context.Context, c pubsub.Channel, since pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	if o.down.Load() {
		return pubsub.Page{}, pubsub.ErrUnavailable
	}
	return o.Broker.Read(ctx, c, since, limit)
}

func (o *outage) Follow(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	if o.down.Load() {
		return pubsub.Position{}, pubsub.ErrUnavailable
	}
	return o.Broker.Follow(ctx, c)
}
