package bridge

import (
	"context"
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
	channel *channel // set once, under the client's mutex

	// Guarded by the channel's mutex.
	state state
	index int             // in channel.live or channel.others
	pos   pubsub.Position // unless live: everything up to here was given to the client

	// The log has decided where the client goes on, or it stood at the channel's end: what
	// follows may come from the tail. What a client shows is not decided by what this
	// instance happens to remember.
	placed bool

	// Guarded by the client's mutex.
	listed  bool      // stands in client.behind
	place   int       // where
	retryAt time.Time // the log could not be read: not before this time again
}

// errNothingNew says that announcements are further than the log, which cannot last: a
// read on the way, or a log that went back and whose break was not announced yet.
var errNothingNew = errors.New("the log is behind its announcements")

// advance gives the client the next messages of a subscription that is behind, and turns
// it live when it has reached the end. It is the only place where logs are read for
// subscribers, and it runs on the goroutine of the client's consumer.
func (sub *subscription) advance(ctx context.Context, items []Item, limit Limit) ([]Item, error) {
	ch := sub.channel
	ch.mu.Lock()
	if sub.state != behind {
		ch.mu.Unlock()
		return items, nil
	}
	if missed, known := ch.tail.behind(sub.pos); known && ch.synced && sub.placed {
		items = sub.take(items, missed, limit)
		ch.mu.Unlock()
		return items, nil
	}
	pos, breaks := sub.pos, ch.breaks
	ch.mu.Unlock()

	page, err := ch.bridge.broker.Read(ctx, ch.name, pos, pubsub.Limit(limit))
	if err != nil {
		return items, err
	}

	ch.mu.Lock()
	defer ch.mu.Unlock()
	if sub.state != behind {
		return items, nil // the client has left meanwhile
	}
	if page.Gap != nil {
		items = append(items, &Gap{*page.Gap})
		ch.bridge.options.OnGap(page.Gap.Reason)
	}
	for _, m := range page.Messages {
		items = append(items, ch.tail.delivery(m))
	}
	sub.pos, sub.placed = page.Last(), ch.breaks == breaks
	if page.More || ch.breaks != breaks {
		// After a break the end of this page is no longer the end of what announcements follow:
		// the log decides once more.
		return items, nil
	}
	switch {
	case !ch.synced:
		// Nothing was announced since the channel broke or was opened, so the end of the log
		// is the end of announcements.
		ch.end, ch.synced = sub.pos, true
		sub.turnLive()
		ch.meetAhead()
	case ch.synced && sub.pos == ch.end:
		sub.turnLive()
	case ch.synced && sub.pos.Epoch == ch.end.Epoch && sub.pos.Offset > ch.end.Offset:
		sub.state = ahead
		sub.client.unlist(sub)
	case page.Gap == nil && len(page.Messages) == 0:
		if _, known := ch.tail.behind(sub.pos); !known {
			return items, errNothingNew
		}
	}
	return items, nil
}

// take moves what the tail knows behind sub.pos to the client. The channel's mutex is held.
func (sub *subscription) take(items []Item, missed []*Delivery, limit Limit) []Item {
	for i, d := range missed {
		n := d.Message.Size()
		if i > 0 && (limit.Messages < 1 || n > limit.Bytes) {
			return items
		}
		items = append(items, d)
		limit.Messages--
		limit.Bytes -= n
		sub.pos = d.Message.Pos
	}
	sub.turnLive()
	return items
}

// turnLive puts a subscription that has reached the channel's end among the live ones.
// The channel's mutex is held.
func (sub *subscription) turnLive() {
	sub.channel.goLive(sub)
	sub.client.unlist(sub)
}
