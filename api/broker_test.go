package api

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A failingBroker answers every call with an error once there is one.
type failingBroker struct {
	pubsub.Broker
	mu  sync.Mutex
	err error
}

var errUnexpected = errors.New("the password is hunter2")

func (b *failingBroker) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *failingBroker) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		return nil
	}
	return fmt.Errorf("dial 10.1.2.3: %w", b.err)
}

func (b *failingBroker) Publish(ctx context.Context, p pubsub.Publication) (pubsub.Receipt, error) {
	if err := b.failure(); err != nil {
		return pubsub.Receipt{}, err
	}
	return b.Broker.Publish(ctx, p)
}

func (b *failingBroker) PublishBatch(ctx context.Context, ps []pubsub.Publication) []pubsub.Outcome {
	err := b.failure()
	if err == nil {
		return b.Broker.PublishBatch(ctx, ps)
	}
	outcomes := make([]pubsub.Outcome, len(ps))
	failed := make(map[pubsub.Channel]bool)
	for i, p := range ps {
		if outcomes[i].Err = err; failed[p.Channel] {
			outcomes[i].Err = pubsub.ErrNotTried
		}
		failed[p.Channel] = true
	}
	return outcomes
}

func (b *failingBroker) Follow(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	if err := b.failure(); err != nil {
		return pubsub.Position{}, err
	}
	return b.Broker.Follow(ctx, c)
}

func (b *failingBroker) Read(ctx context.Context, c pubsub.Channel, since pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	if err := b.failure(); err != nil {
		return pubsub.Page{}, err
	}
	return b.Broker.Read(ctx, c, since, limit)
}

func (b *failingBroker) ReadBack(ctx context.Context, c pubsub.Channel, before pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	if err := b.failure(); err != nil {
		return pubsub.Page{}, err
	}
	return b.Broker.ReadBack(ctx, c, before, limit)
}

func (b *failingBroker) Purge(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	if err := b.failure(); err != nil {
		return pubsub.Position{}, err
	}
	return b.Broker.Purge(ctx, c)
}

func (b *failingBroker) Info(ctx context.Context, c pubsub.Channel) (pubsub.Info, error) {
	if err := b.failure(); err != nil {
		return pubsub.Info{}, err
	}
	return b.Broker.Info(ctx, c)
}

func (b *failingBroker) Channels(ctx context.Context, prefix string, after pubsub.Channel, limit int) ([]pubsub.Info, error) {
	if err := b.failure(); err != nil {
		return nil, err
	}
	return b.Broker.Channels(ctx, prefix, after, limit)
}
