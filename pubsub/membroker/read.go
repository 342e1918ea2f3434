package membroker

import (
	"context"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Read implements [pubsub.Broker].
func (b *Broker) Read(ctx context.Context, c pubsub.Channel, since pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	var page pubsub.Page
	err := b.visit(ctx, c, func(l *log, now instant, r pubsub.Retention) {
		page.From, page.Gap = pubsub.Resume(c, l.view(now, r), since)
		page.Messages, page.More = l.behind(page.From, limit)
		page.End = l.end
	})
	return page, err
}

// ReadBack implements [pubsub.Broker].
func (b *Broker) ReadBack(ctx context.Context, c pubsub.Channel, before pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	var page pubsub.Page
	err := b.visit(ctx, c, func(l *log, now instant, r pubsub.Retention) {
		place := l.end
		if !before.IsZero() {
			place, page.Gap = pubsub.Resume(c, l.view(now, r), before)
		}
		page.Messages, page.From = l.before(place, limit)
		page.More = page.From.Offset > l.front.Offset
		page.End = l.end
	})
	return page, err
}

// visit calls f with the log of c, brought to now and its lock held. Whoever visits a log
// is handed a position, so the position's time begins anew.
func (b *Broker) visit(ctx context.Context, c pubsub.Channel, f func(l *log, now instant, r pubsub.Retention)) error {
	if err := b.refuse(ctx); err != nil {
		return err
	}
	r := b.retention(c)
	l, err := b.hold(c)
	if err != nil {
		return err
	}
	now := b.now()
	l.refresh(now, r, b.ttl)
	f(l, now, r)
	due := l.touch(now)
	l.mu.Unlock()
	if due {
		b.place(l, now)
	}
	return nil
}

// behind returns the first messages behind p, a position of the log. Caller holds mu.
func (l *log) behind(p pubsub.Position, limit pubsub.Limit) (page []*pubsub.Message, more bool) {
	first := int(p.Offset - l.front.Offset)
	last, bytes := first, 0
	for ; last < l.kept.len(); last++ {
		bytes += l.kept.at(last).message.Size()
		if !admits(limit, last-first+1, bytes) {
			break
		}
	}
	return l.messages(first, last), last < l.kept.len()
}

// before returns the last messages in front of p, a position of the log, and the position
// in front of them. Caller holds mu.
func (l *log) before(p pubsub.Position, limit pubsub.Limit) (page []*pubsub.Message, from pubsub.Position) {
	last := int(p.Offset - l.front.Offset)
	first, bytes := last, 0
	for ; first > 0; first-- {
		bytes += l.kept.at(first - 1).message.Size()
		if !admits(limit, last-first+1, bytes) {
			break
		}
	}
	return l.messages(first, last), l.position(first)
}

// admits reports whether a page may have n messages of that many bytes.
func admits(limit pubsub.Limit, n, bytes int) bool {
	return n <= 1 || n <= limit.Messages && (limit.Bytes <= 0 || bytes <= limit.Bytes)
}

// messages returns a range of what is kept. Caller holds mu.
func (l *log) messages(first, last int) []*pubsub.Message {
	if first == last {
		return nil
	}
	page := make([]*pubsub.Message, last-first)
	for i := range page {
		page[i] = l.kept.at(first + i).message
	}
	return page
}

// position returns the position in front of the i-th message kept. Caller holds mu.
func (l *log) position(i int) pubsub.Position {
	if i == 0 {
		return l.front
	}
	return l.kept.at(i - 1).message.Pos
}
