package bridge

import (
	"context"
	"errors"
	"fmt"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Subscribe adds a channel. With start's zero value the client gets every message that is
// published after Subscribe returned. It returns the position at which the client starts;
// confirm, if not nil, is called with it, and its answer is queued in front of everything
// that the subscription yields. It may block while the broker is asked.
func (c *Client) Subscribe(ctx context.Context, name pubsub.Channel, start pubsub.Start, confirm func(pubsub.Position) Reply) (pubsub.Position, error) {
	sub := &subscription{client: c, name: name}
	if err := c.reserve(sub); err != nil {
		return pubsub.Position{}, err
	}
	o := opening{sub: sub, mark: pubsub.Mark{Channel: name, Start: start}}
	o.ask(ctx)
	if err := o.begin(confirm); err != nil {
		return pubsub.Position{}, err
	}
	return o.pos, nil
}

// SubscribeAll adds several channels, as Subscribe does one after the other, but asks the
// broker for many of them at once. confirm is called in the order of marks. It returns where
// the client starts; when it fails, the cursor holds those in front of the one that could not
// be subscribed, which stay, and nothing is left of those behind it.
func (c *Client) SubscribeAll(ctx context.Context, marks pubsub.Cursor, confirm func(pubsub.Channel, pubsub.Position) Reply) (pubsub.Cursor, error) {
	var refused error
	openings := make([]opening, 0, len(marks))
	for _, m := range marks {
		sub := &subscription{client: c, name: m.Channel}
		if refused = c.reserve(sub); refused != nil {
			break
		}
		openings = append(openings, opening{sub: sub, mark: m})
	}

	var unknown []*opening
	for i := range openings {
		if o := &openings[i]; !c.bridge.knows(o.mark) {
			unknown = append(unknown, o)
		}
	}
	concurrently(len(unknown), func(i int) bool {
		unknown[i].ask(ctx)
		return unknown[i].err == nil
	})

	cursor := make(pubsub.Cursor, 0, len(openings))
	for i := range openings {
		o := &openings[i]
		if !o.asked {
			o.ask(ctx)
		}
		var reply func(pubsub.Position) Reply
		if confirm != nil {
			reply = func(pos pubsub.Position) Reply { return confirm(o.mark.Channel, pos) }
		}
		if err := o.begin(reply); err != nil {
			for j := i + 1; j < len(openings); j++ {
				openings[j].abandon()
			}
			return cursor, err
		}
		cursor = append(cursor, pubsub.Mark{Channel: o.sub.name, Start: pubsub.Behind(o.pos)})
	}
	return cursor, refused
}

// Unsubscribe removes a channel and reports whether it was subscribed. What was queued
// before stays queued; confirm, if not nil, is queued behind it, and nothing of the channel
// comes after that.
func (c *Client) Unsubscribe(name pubsub.Channel, confirm Reply) bool {
	c.mu.Lock()
	sub := c.subs.get(name)
	c.mu.Unlock()
	if sub == nil || !c.leave(sub) {
		return false
	}
	if confirm != nil {
		c.Reply(confirm)
	}
	return true
}

// An opening is a subscription on its way: reserved, then registered with its channel and
// located in it, then begun. Its caller owns it.
type opening struct {
	sub  *subscription
	mark pubsub.Mark

	asked bool
	early []Item
	pos   pubsub.Position
	err   error
}

// ask does all that may block: the channel is followed, and the log asked where the
// subscription starts.
func (o *opening) ask(ctx context.Context) {
	c := o.sub.client
	o.asked = true
	o.early = c.bridge.flaws.readBeforeRegistering(ctx, c, o.mark)
	ch, err := c.bridge.acquire(ctx, o.mark.Channel)
	if err != nil {
		o.err = err
		return
	}
	if !c.tie(o.sub, ch) {
		c.bridge.release(ch)
		o.err = c.why()
		return
	}
	o.pos, o.err = o.sub.locate(ctx, o.mark.Start)
}

// begin confirms the subscription and sets it going, or ends it.
func (o *opening) begin(confirm func(pubsub.Position) Reply) error {
	if o.err == nil {
		o.err = o.sub.begin(o.pos, o.mark.Start, o.early, confirm)
	}
	if o.err != nil {
		o.abandon()
		if errors.Is(o.err, ErrTooSlow) {
			o.sub.client.Stop(o.err) // the confirmation did not fit; see Reply
		}
	}
	return o.err
}

// abandon ends a subscription that has not begun.
func (o *opening) abandon() { o.sub.client.leave(o.sub) }

func (c *Client) reserve(sub *subscription) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.cause != nil:
		return c.cause
	case c.subs.get(sub.name) != nil:
		return fmt.Errorf("%w to %s", ErrSubscribed, sub.name)
	case c.subs.len() >= c.bridge.options.Subscriptions:
		return fmt.Errorf("%w: at most %d are allowed", ErrTooMany, c.bridge.options.Subscriptions)
	}
	c.subs.add(sub)
	return nil
}

// tie ties a reserved subscription to its channel, unless the client was closed meanwhile.
func (c *Client) tie(sub *subscription, ch *channel) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subs.get(sub.name) != sub {
		return false
	}
	sub.channel, sub.name = ch, ch.name // which is part of no request
	return true
}

// leave takes a subscription out of the client's and ends it, unless somebody else does.
// It reports whether it was one that its channel knows.
func (c *Client) leave(sub *subscription) bool {
	c.mu.Lock()
	if !c.subs.remove(sub) {
		c.mu.Unlock()
		return false
	}
	ch := sub.channel
	c.mu.Unlock()
	if ch == nil {
		return false
	}
	c.bridge.end(sub)
	return true
}

// why tells why the client no longer takes subscriptions.
func (c *Client) why() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	return ErrLeft
}
