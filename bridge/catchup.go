package bridge

import (
	"context"
	"time"
)

// This file is the client's list of subscriptions that read the log, each in its turn. All
// of it is guarded by the client's mutex.

// lookAhead is how many logs of one client are read at once.
const lookAhead = 32

// readLogs gives pages of the logs that the client has to catch up with, channels in turns.
// It is the only place where logs are read for those who are subscribed. The error is the
// context's; a log that cannot be read is put off.
func (c *Client) readLogs(ctx context.Context, items []Item, limit Limit) ([]Item, error) {
	var turns [lookAhead]turn
	for limit.Messages > 0 && limit.Bytes > 0 {
		round, share := c.next(turns[:0], limit)
		if len(round) == 0 {
			break
		}
		look(ctx, round, share)
		for i := range round {
			t := &round[i]
			if limit.Messages <= 0 || limit.Bytes <= 0 {
				c.resume(t.sub)
				break
			}
			n := len(items)
			var err error
			if items, err = t.advance(ctx, items, share); err != nil {
				if ctx.Err() != nil {
					return items, ctx.Err()
				}
				c.retry(t.sub)
			}
			for _, it := range items[n:] {
				limit.Bytes -= it.size()
				limit.Messages--
			}
		}
	}
	return items, nil
}

// A turn is that of one subscription to be given something.
type turn struct {
	sub     *subscription
	reading *reading // what it needs; nil: it needs none
}

// look begins the readings that a round needs and nobody else has begun, and carries them out
// side by side.
func look(ctx context.Context, round []turn, share Limit) {
	var own []*reading
	for i := range round {
		t := &round[i]
		var first bool
		if t.reading, first = t.sub.approach(); first {
			own = append(own, t.reading)
		}
	}
	if len(own) > 0 {
		concurrently(len(own), func(i int) bool {
			own[i].carryOut(ctx, share)
			return true // others wait for each of them
		})
	}
}

func (t *turn) advance(ctx context.Context, items []Item, share Limit) ([]Item, error) {
	var p *page
	if t.reading != nil {
		var err error
		if p, err = t.reading.wait(ctx); err != nil {
			return items, err
		}
	}
	return t.sub.advance(items, share, p)
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
		c.consumer.Wake()
	}
}

// lag is work for a subscription whose message did not fit into the queue: from now on,
// the client has to show that it takes something (see sweep.go).
func (c *Client) lag(sub *subscription) {
	c.work(sub)
	c.mu.Lock()
	first := !c.lags && c.cause == nil
	if first {
		c.taken = c.bridge.clock() // a client that was idle until now has not stood still
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
	sub.listed, sub.place, sub.retryAt = true, int32(len(c.behind)), time.Time{}
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

// next appends the subscriptions whose turn it is to round, as many as there is room for, and
// returns the share of each in the limit. It appends none when there is none that can be read
// now.
func (c *Client) next(round []turn, limit Limit) ([]turn, Limit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.behind)
	if c.cause != nil || n == 0 || !c.queue.empty() {
		// What was queued of a channel comes before what its log holds, also if that happened
		// since Pull looked: a channel may have fallen behind meanwhile.
		return round, limit
	}
	now, first := time.Now(), c.turn
	for i := range n {
		if len(round) == min(cap(round), limit.Messages) {
			break
		}
		place := (first + i) % n
		if sub := c.behind[place]; !sub.retryAt.After(now) {
			round = append(round, turn{sub: sub})
			c.turn = place + 1
		}
	}
	return round, Limit{Messages: max(1, limit.Messages/n), Bytes: max(1, limit.Bytes/n)}
}

// resume lets the next round begin with a subscription that got nothing in this one.
func (c *Client) resume(sub *subscription) {
	c.mu.Lock()
	if sub.listed {
		c.turn = int(sub.place)
	}
	c.mu.Unlock()
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
