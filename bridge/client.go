package bridge

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

var (
	// ErrTooSlow ends a client whose queue was full and that then took nothing for a while.
	ErrTooSlow = errors.New("the client does not keep up")

	// ErrLeft ends a client that closed.
	ErrLeft = errors.New("the client has left")

	// ErrSubscribed: the client is subscribed to the channel already.
	ErrSubscribed = errors.New("already subscribed")

	// ErrTooMany: the client has [Options.Subscriptions] subscriptions.
	ErrTooMany = errors.New("too many subscriptions")
)

// A Consumer is who takes what a client is given. Its methods are called from any goroutine, may
// be called while locks of the bridge are held, and so neither block nor call the bridge.
type Consumer interface {
	// Wake is called once after each Pull that returned nothing, as soon as there is something.
	Wake()

	// Stopped is called once, with the cause, when the client is stopped, so that a consumer
	// that is blocked in a write can be freed.
	Stopped(cause error)
}

// Limit bounds what one Pull gives.
type Limit struct {
	Messages int // at least 1, whatever is asked for
	Bytes    int // sum of Message.Size; the first item is given whatever its size
}

// A Client is one connected program: a bounded queue, and its subscriptions. Subscribe and
// Unsubscribe may be called at once with everything else, Pull by one goroutine at a time.
type Client struct {
	bridge   *Bridge
	consumer Consumer

	mu      sync.Mutex // taken after a channel's mutex; guards what follows
	queue   queue
	subs    subscriptions
	behind  []*subscription // those that read the log, in turns
	turn    int             // whose turn it is
	parked  bool            // the consumer waits for Wake
	cause   error           // why it was stopped; nil while it goes on
	taken   time.Duration   // when the last Pull began, or its queue was full; by the bridge's clock
	pulling bool            // in Pull
	lags    bool            // its queue was full, and it has not caught up since
}

// Connect returns a client without subscriptions. Its consumer calls Pull until it returns
// nothing, then waits to be woken. Close must be called in the end.
func (b *Bridge) Connect(c Consumer) *Client {
	return &Client{bridge: b, consumer: c}
}

// Subscribed reports whether the client is subscribed to the channel.
func (c *Client) Subscribed(name pubsub.Channel) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subs.get(name) != nil
}

// Channels returns what the client is subscribed to, in no order.
func (c *Client) Channels() []pubsub.Channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	channels := make([]pubsub.Channel, 0, c.subs.len())
	for sub := range c.subs.all() {
		channels = append(channels, sub.name)
	}
	return channels
}

// Reply queues an answer. A client that sends commands but does not read their answers is
// stopped with ErrTooSlow when its queue is full.
func (c *Client) Reply(r Reply) {
	if !c.push(r) {
		c.Stop(ErrTooSlow)
	}
}

// Pull gives what comes next for the client, appended to items: what is queued, then pages
// of the logs it has to catch up with, channels in turns. When nothing is left it returns
// items as they were, and Wake will be called. The error is the cause when the client was
// stopped, or the context's; a log that cannot be read is no error, it is tried again.
func (c *Client) Pull(ctx context.Context, items []Item, limit Limit) ([]Item, error) {
	had := len(items)
	limit.Messages = max(limit.Messages, 1)
	for {
		c.mu.Lock()
		if c.cause != nil {
			defer c.mu.Unlock()
			return items, c.cause
		}
		c.taken, c.pulling = c.bridge.clock(), true
		items = c.queue.take(items, &limit)
		more := !c.queue.empty()
		c.mu.Unlock()

		// Pages only once the queue is empty: what is queued of a channel comes before what
		// its log holds.
		var err error
		if !more {
			items, err = c.readLogs(ctx, items, limit)
		}
		if c.pulled(len(items) > had || err != nil) {
			return items, err
		}
	}
}

// pulled ends one round of Pull and reports whether Pull can return: it has something, or
// there is nothing left and the consumer is parked.
func (c *Client) pulled(something bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulling = false
	if !something && c.cause == nil && c.queue.empty() && c.readable() < 0 {
		c.parked, c.lags = true, false
	}
	return something || c.parked
}

// Stop ends the client: Pull returns the cause, and what is queued is dropped. Only the
// first call counts.
func (c *Client) Stop(cause error) {
	c.mu.Lock()
	if c.cause != nil {
		c.mu.Unlock()
		return
	}
	c.cause = cause
	c.queue.drop()
	wake := c.unpark()
	c.mu.Unlock()
	c.consumer.Stopped(cause)
	if wake {
		c.consumer.Wake()
	}
}

// Close ends all subscriptions and frees what the client holds. It may be called twice.
func (c *Client) Close() {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = ErrLeft
	}
	c.queue.drop()
	subs := c.subs
	c.subs = subscriptions{}
	c.mu.Unlock()
	for sub := range subs.all() {
		if sub.channel != nil { // else Subscribe is under way and gives the channel back
			c.bridge.end(sub)
		}
	}
}

// Queued returns how many bytes wait in the queue.
func (c *Client) Queued() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.queue.bytes
}

// push queues an item and wakes the consumer. It reports false when the queue is full. A
// stopped client takes everything, and keeps nothing.
func (c *Client) push(it Item) bool {
	c.mu.Lock()
	if c.cause != nil {
		c.mu.Unlock()
		return true
	}
	ok := c.queue.push(it, c.bridge.options.Queue)
	wake := ok && c.unpark()
	c.mu.Unlock()
	if wake {
		c.consumer.Wake()
	}
	return ok
}

// unpark reports whether the consumer has to be woken. The mutex is held.
func (c *Client) unpark() bool {
	was := c.parked
	c.parked = false
	return was
}
