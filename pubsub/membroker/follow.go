package membroker

import (
	"context"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Follow implements [pubsub.Broker]. It fails with [pubsub.ErrUnavailable] when what
// cannot be dropped would take more than half of the memory.
func (b *Broker) Follow(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	if err := b.refuse(ctx); err != nil {
		return pubsub.Position{}, err
	}
	r := b.retention(c)
	l, err := b.hold(c)
	if err != nil {
		return pubsub.Position{}, err
	}
	now := b.now()
	l.refresh(now, r, b.ttl)
	l.touch(now)
	if !l.followed {
		l.followed = l.memory.pin(l.fixed())
	}
	end, followed := l.end, l.followed
	l.mu.Unlock()
	b.place(l, now)
	if !followed {
		return pubsub.Position{}, errNoRoom
	}
	return end, nil
}

// Unfollow implements [pubsub.Broker]. The time of the channel's position begins now.
func (b *Broker) Unfollow(c pubsub.Channel) {
	l := b.shard(c).find(c)
	if l == nil {
		return
	}
	now := b.now()
	l.mu.Lock()
	if l.followed {
		l.followed = false
		l.memory.unpin(l.fixed())
		l.touch(now)
	}
	l.mu.Unlock()
	b.place(l, now)
}

// Line implements [pubsub.Broker]. Announcements are function calls: there is one line, for good.
func (b *Broker) Line(pubsub.Channel) uint64 { return 1 }
