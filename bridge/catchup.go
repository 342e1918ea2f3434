package bridge

import (
	"context"
	"time"
)

// This file is the client's list of subscriptions that read the log, each in its turn. All
// of it is guarded by the client's mutex.

// readLogs gives pages of the logs that the client has to catch up with, channels in turns.
// The error is the context's; a log that cannot be read is put off.
func (c *Client) readLogs(ctx context.Context, items []Item, limit Limit) ([]Item, error) {
	for limit.Messages > 0 && limit.Bytes > 0 {
		sub, share := c.next(limit)
		if sub == nil {
			break
		}
		n := len(items)
		var err error
		if items, err = sub.advance(ctx, items, share); err != nil {
			if ctx.Err() != nil {
				return items, ctx.Err()
			}
			c.retry(sub)
		}
		for _, it := range items[n:] {
			limit.Bytes -= it.size()
			limit.Messages--
		}
	}
	return items, nil
}

// work lists a subscription that has fallen behind and wakes the consumer.
func (c *Client) work(sub *subscription) {
	c.mu.Lock()
	if c.cause != nil {
		c.mu.Unlock()
		return
	}
	c.list(sub)
	wake := c.unpark()
	c.mu.Unlock()
	if wake {
		c.hooks.Wake()
	}
}

// lag is work for a subscription whose message did not fit into the queue: from now on,
// the client has to show that it takes something (see sweep.go).
func (c *Client) lag(sub *subscription) {
	c.work(sub)
	c.mu.Lock()
	first := !c.lags && c.cause == nil
	if first {
		c.taken = time.Now() // a client that was idle until now has not stood still
	}
	c.lags = true
	c.mu.Unlock()
	if first {
		c.bridge.watch(c)
	}
}

func (c *Client) list(sub *subscription) {
	if sub.listed {
		return
	}
	sub.listed, sub.place, sub.retryAt = true, len(c.behind), time.Time{}
	c.behind = append(c.behind, sub)
}

// unlist is called with the channel's mutex held, in the step that ends being behind.
func (c *Client) unlist(sub *subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !sub.listed {
		return
	}
	last := len(c.behind) - 1
	moved := c.behind[last]
	c.behind[sub.place], moved.place = moved, sub.place
	c.behind[last] = nil
	c.behind = c.behind[:last]
	if last == 0 {
		c.behind = nil
	}
	sub.listed = false
}

// next returns the subscription whose turn it is, and its share of the limit; nil when
// there is none that can be read now.
func (c *Client) next(limit Limit) (*subscription, Limit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil || !c.queue.empty() {
		// What was queued of a channel comes before what its log holds, also if that happened
		// since Pull looked: a channel may have fallen behind meanwhile.
		return nil, limit
	}
	i := c.readable()
	if i < 0 {
		return nil, limit
	}
	c.turn = i + 1
	n := len(c.behind)
	return c.behind[i], Limit{Messages: max(1, limit.Messages/n), Bytes: max(1, limit.Bytes/n)}
}

// readable is workable now. A client that has nothing to catch up with, as most have most of
// the time, does not ask for the time.
func (c *Client) readable() int {
	if len(c.behind) == 0 {
		return -1
	}
	return c.workable(time.Now())
}

// workable returns the next place, in turn, of a subscription that may be read, or -1.
func (c *Client) workable(now time.Time) int {
	for range c.behind {
		if c.turn >= len(c.behind) {
			c.turn = 0
		}
		if !c.behind[c.turn].retryAt.After(now) {
			return c.turn
		}
		c.turn++
	}
	return -1
}

// retry puts a subscription off whose log could not be read.
func (c *Client) retry(sub *subscription) {
	c.mu.Lock()
	sub.retryAt = time.Now().Add(c.bridge.options.Retry)
	c.mu.Unlock()
	c.bridge.remind(c)
}
