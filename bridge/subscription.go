package bridge

import (
	"errors"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A state tells how a subscription gets its messages; see the package's documentation.
type state uint8

const (
	joining state = iota // not yet in its channel's lists
	behind               // reads the log behind pos
	ahead                // read the log up to pos, further than announcements have come
	live                 // gets each announced message
	gone                 // ended
)

// A subscription is one client on one channel.
type subscription struct {
	client  *Client
	name    pubsub.Channel
	channel *channel // set once, under the client's mutex

	// Guarded by the channel's mutex.
	state state
	index int32           // in channel.live or channel.others
	pos   pubsub.Position // unless live: everything up to here was given to the client

	// The log has decided where the client goes on, or it stood at the channel's end: what
	// follows may come from the tail. What a client shows is not decided by what this
	// instance happens to remember.
	placed bool
	joined uint64 // so many readings of the channel had begun when it came to stand here

	// Guarded by the client's mutex.
	listed  bool      // stands in client.behind
	place   int32     // where
	retryAt time.Time // the log could not be read: not before this time again
}

// errNothingNew says that announcements are further than the log, which cannot last: a
// read on the way, or a log that went back and whose break was not announced yet.
var errNothingNew = errors.New("the log is behind its announcements")

// approach returns the reading that a subscription needs to go on, and whether the caller has
// to carry it out; nil when it needs none.
func (sub *subscription) approach() (r *reading, first bool) {
	ch := sub.channel
	now := ch.moment()
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if sub.state != behind || ch.synced && sub.pos == ch.end {
		return nil, false
	}
	if _, known := sub.remembered(now); known || ch.kept(sub, now) != nil {
		return nil, false
	}
	return ch.join(pubsub.Behind(sub.pos), now)
}

// remembered returns what the tail holds for a subscription, if it may serve it. The channel's
// mutex is held.
func (sub *subscription) remembered(now moment) (missed []*Delivery, known bool) {
	ch := sub.channel
	missed, known = ch.tail.behind(sub.pos)
	return missed, known && (sub.placed || ch.readings.proves(sub.pos, now))
}

// advance gives the client the next messages of a subscription that is behind: from the tail,
// from a page that the channel keeps, or from the one that was read for it, which may be nil.
// It turns the subscription live when it has reached the end.
func (sub *subscription) advance(items []Item, limit Limit, read *page) ([]Item, error) {
	ch := sub.channel
	now := ch.moment()
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if sub.state != behind {
		return items, nil // it needs nothing, or the client has left meanwhile
	}
	if ch.synced && sub.pos == ch.end {
		sub.turnLive()
		return items, nil
	}
	if missed, known := sub.remembered(now); known {
		sub.placed = true
		items, all := sub.give(items, missed, limit)
		if all {
			sub.turnLive()
		}
		return items, nil
	}
	p := read
	if p == nil {
		p = ch.kept(sub, now)
	}
	if p == nil || !p.decides(sub, now) {
		return items, nil // a page is read for it next time
	}

	gap, missed, _ := p.behind(sub.pos)
	if gap != nil {
		items = append(items, gap)
		ch.bridge.options.OnGap(gap.Reason)
	}
	items, all := sub.give(items, missed, limit)
	if all {
		sub.pos = p.last()
	}
	sub.placed = p.breaks == ch.breaks
	if !all || p.more || p.breaks != ch.breaks {
		return items, nil
	}
	// The page went to the end of the log, and the channel knows its own since then at least.
	switch {
	case sub.pos == ch.end:
		sub.turnLive()
	case sub.pos.Epoch == ch.end.Epoch && sub.pos.Offset > ch.end.Offset:
		sub.state = ahead
		sub.client.unlist(sub)
	case gap == nil && len(missed) == 0:
		if _, known := ch.tail.behind(sub.pos); !known {
			return items, errNothingNew
		}
	}
	return items, nil
}

// give appends messages as far as they fit into the limit, the first whatever its size, and
// reports whether those were all. The channel's mutex is held.
func (sub *subscription) give(items []Item, missed []*Delivery, limit Limit) (_ []Item, all bool) {
	for i, d := range missed {
		n := d.Message.Size()
		if i > 0 && (limit.Messages < 1 || n > limit.Bytes) {
			return items, false
		}
		items = append(items, d)
		limit.Messages--
		limit.Bytes -= n
		sub.pos = d.Message.Pos
	}
	return items, true
}

// turnLive puts a subscription that has reached the channel's end among the live ones.
// The channel's mutex is held.
func (sub *subscription) turnLive() {
	sub.channel.goLive(sub)
	sub.client.unlist(sub)
}
