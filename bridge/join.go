package bridge

import (
	"context"
	"math"

	"github.com/wsbridge/wsbridge/pubsub"
)

// locate registers a subscription with its channel, and finds where it starts. Registered
// first: from here on, nothing can pass between the log and announcements.
func (sub *subscription) locate(ctx context.Context, start pubsub.Start) (pubsub.Position, error) {
	ch, broker := sub.channel, sub.channel.bridge.broker
	ch.mu.Lock()
	if sub.state == gone {
		ch.mu.Unlock()
		return pubsub.Position{}, sub.client.why()
	}
	ch.add(sub, start.Pos)
	end, synced := ch.end, ch.synced
	sub.placed = !start.Resume || synced && start.Pos == end
	ch.mu.Unlock()

	switch {
	case !start.Resume && synced:
		return end, nil
	case !start.Resume:
		page, err := broker.ReadBack(ctx, ch.name, pubsub.Position{}, pubsub.Limit{Messages: 1})
		return page.End, err
	case start.Pos.IsZero():
		page, err := broker.Read(ctx, ch.name, pubsub.Position{}, pubsub.Limit{Messages: 1})
		return page.From, err
	case synced && start.Pos == end, broker.Status().State != pubsub.Down:
		return start.Pos, nil
	}
	// The log is needed and cannot be had: the client is better off asking again later than
	// connected and waiting.
	return pubsub.Position{}, pubsub.ErrUnavailable
}

// begin sets a subscription going at pos: the confirmation is queued in the same step that
// makes it live or lists it for reading, so that nothing of the channel comes before it.
func (sub *subscription) begin(pos pubsub.Position, start pubsub.Start, early []Item, confirm func(pubsub.Position) Reply) error {
	ch, c := sub.channel, sub.client
	ch.mu.Lock()
	defer ch.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	if sub.state == gone {
		return ErrLeft
	}
	sub.pos = pos
	if confirm != nil && !c.queue.push(confirm(pos), c.bridge.options.Queue) {
		return ErrTooSlow
	}
	for _, it := range early {
		c.queue.push(it, math.MaxInt)
	}
	if ch.synced && pos == ch.end || c.bridge.flaws.skipsCatchUp(start) {
		ch.goLive(sub)
	} else {
		c.list(sub)
	}
	if c.unpark() {
		c.hooks.Wake()
	}
	return nil
}
