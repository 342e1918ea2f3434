package membroker

import (
	"context"
	"slices"
	"strings"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Info implements [pubsub.Broker].
func (b *Broker) Info(ctx context.Context, c pubsub.Channel) (pubsub.Info, error) {
	info := pubsub.Info{Channel: c}
	err := b.visit(ctx, c, func(l *log, _ instant, _ pubsub.Retention) {
		info.Pos, info.Retained = l.end, l.kept.len()
	})
	if err != nil {
		return pubsub.Info{}, err
	}
	info.Subscribers = b.receiver.Subscribers(c)
	return info, nil
}

// Channels implements [pubsub.Broker]. It looks at every name and holds one shard's lock
// at a time: what comes and goes meanwhile may be in the list or not.
func (b *Broker) Channels(ctx context.Context, prefix string, after pubsub.Channel, limit int) ([]pubsub.Info, error) {
	if err := b.refuse(ctx); err != nil {
		return nil, err
	}
	var page []pubsub.Info // sorted, never longer than limit
	var logs []*log
	for i := range b.shards {
		logs = b.shards[i].all(logs[:0])
		for _, l := range logs {
			if l.channel <= after || !strings.HasPrefix(string(l.channel), prefix) {
				continue
			}
			if len(page) == limit && (limit <= 0 || l.channel > page[limit-1].Channel) {
				continue
			}
			if info, active := b.inspect(l); active {
				at, _ := slices.BinarySearchFunc(page, info, func(a, b pubsub.Info) int {
					return strings.Compare(string(a.Channel), string(b.Channel))
				})
				page = slices.Insert(page, at, info)
				page = page[:min(len(page), limit)]
			}
		}
	}
	return page, nil
}

// inspect tells of a log without prolonging its position's time, and whether it keeps a
// message or has a subscriber.
func (b *Broker) inspect(l *log) (info pubsub.Info, active bool) {
	r := b.retention(l.channel)
	l.mu.Lock()
	l.refresh(b.now(), r, b.ttl)
	gone := l.gone
	info = pubsub.Info{Channel: l.channel, Pos: l.end, Retained: l.kept.len()}
	l.mu.Unlock()
	info.Subscribers = b.receiver.Subscribers(l.channel)
	return info, !gone && (info.Retained > 0 || info.Subscribers > 0)
}
