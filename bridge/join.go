package bridge

import (
	"context"
	"math"

	"github.com/wsbridge/wsbridge/pubsub"
)

// locate registers a subscription with its channel, and finds where it starts. Registered
// first: from here on, nothing can pass between the log and announcements.
func (sub *subscription) locate(ctx context.Context, start pubsub.Start) (pubsub.Position, error) {
	ch := sub.channel
	ch.mu.Lock()
	if sub.state == gone {
		ch.mu.Unlock()
		return pubsub.Position{}, sub.client.why()
	}
	ch.add(sub, start.Pos)
	end := ch.end
	atEnd := ch.synced && (!start.Resume || start.Pos == end)
	sub.placed = !start.Resume || atEnd
	ch.mu.Unlock()

	switch {
	case !atEnd && ch.bridge.broker.Status().State == pubsub.Down:
		// The log is needed and cannot be had: the client is better off asking again later than
		// connected and waiting.
		return pubsub.Position{}, pubsub.ErrUnavailable
	case start.Resume && atEnd:
		return end, nil // the same, but for whose text it keeps
	case !start.Resume:
		return sub.now(ctx)
	case start.Pos.IsZero():
		return sub.front(ctx)
	}
	return start.Pos, nil
}

// now returns the channel's end, and asks the log for it when it is unknown.
func (sub *subscription) now(ctx context.Context) (pubsub.Position, error) {
	ch := sub.channel
	for {
		now := ch.moment()
		ch.mu.Lock()
		if sub.state == gone {
			ch.mu.Unlock()
			return pubsub.Position{}, sub.client.why()
		}
		if ch.synced {
			defer ch.mu.Unlock()
			return ch.end, nil
		}
		r, first := ch.join(pubsub.Start{}, now)
		ch.mu.Unlock()
		if _, err := r.get(ctx, first); err != nil {
			return pubsub.Position{}, err
		}
	}
}

// front returns the position in front of the oldest message kept. The page that begins there
// is what the client is given next, most of the time.
func (sub *subscription) front(ctx context.Context) (pubsub.Position, error) {
	ch := sub.channel
	var read *page
	for {
		now := ch.moment()
		ch.mu.Lock()
		if sub.state == gone {
			ch.mu.Unlock()
			return pubsub.Position{}, sub.client.why()
		}
		p := read
		if p == nil {
			p = ch.kept(sub, now)
		}
		if p != nil && p.decides(sub, now) {
			sub.placed = p.breaks == ch.breaks
			ch.mu.Unlock()
			return p.from, nil
		}
		r, first := ch.join(pubsub.Behind(pubsub.Position{}), now)
		ch.mu.Unlock()
		var err error
		if read, err = r.get(ctx, first); err != nil {
			return pubsub.Position{}, err
		}
	}
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
		c.consumer.Wake()
	}
	return nil
}
