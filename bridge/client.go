package bridge

import (
	"context"
	"errors"
	"fmt"
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

// Hooks are how a client's consumer is woken. Both are called from any goroutine, may be
// called while locks of the bridge are held, and so neither block nor call the bridge.
type Hooks struct {
	// Wake is called once after each Pull that returned nothing, as soon as there is something.
	Wake func()

	// Stopped is called once, with the cause, when the client is stopped, so that a consumer
	// that is blocked in a write can be freed. nil: nothing is called.
	Stopped func(cause error)
}

// Limit bounds what one Pull gives.
type Limit struct {
	Messages int
	Bytes    int // sum of Message.Size; the first item is given whatever its size
}

// A Client is one connected program: a bounded queue, and its subscriptions. Subscribe and
// Unsubscribe may be called at once with everything else, Pull by one goroutine at a time.
type Client struct {
	bridge *Bridge
	hooks  Hooks

	mu      sync.Mutex // taken after a channel's mutex; guards what follows
	queue   queue
	subs    map[pubsub.Channel]*subscription
	behind  []*subscription // those that read the log, in turns
	turn    int             // whose turn it is
	parked  bool            // the consumer waits for Wake
	cause   error           // why it was stopped; nil while it goes on
	taken   time.Time       // when the last Pull began, or its queue was full
	pulling bool            // in Pull
	lags    bool            // its queue was full, and it has not caught up since
}

// Connect returns a client without subscriptions. Its consumer calls Pull until it returns
// nothing, then waits for h.Wake. Close must be called in the end.
func (b *Bridge) Connect(h Hooks) *Client {
	return &Client{bridge: b, hooks: h}
}

// Subscribe adds a channel. With start's zero value the client gets every message that is
// published after Subscribe returned. It returns the position at which the client starts;
// confirm, if not nil, is called with it, and its answer is queued in front of everything
// that the subscription yields. It may block while the broker is asked.
func (c *Client) Subscribe(ctx context.Context, name pubsub.Channel, start pubsub.Start, confirm func(pubsub.Position) Reply) (pubsub.Position, error) {
	sub := &subscription{client: c}
	if err := c.reserve(name, sub); err != nil {
		return pubsub.Position{}, err
	}
	early := c.bridge.flaws.readBeforeRegistering(ctx, c, name, start)
	ch, err := c.bridge.acquire(ctx, name)
	if err != nil {
		c.forget(name, sub)
		return pubsub.Position{}, err
	}
	if !c.join(name, sub, ch) {
		c.bridge.release(ch)
		return pubsub.Position{}, c.why()
	}
	pos, err := sub.locate(ctx, start)
	if err == nil {
		err = sub.begin(pos, start, early, confirm)
	}
	if err != nil {
		c.leave(name, sub)
		if errors.Is(err, ErrTooSlow) {
			c.Stop(err) // the confirmation did not fit; see Reply
		}
		return pubsub.Position{}, err
	}
	return pos, nil
}

// Unsubscribe removes a channel and reports whether it was subscribed. What was queued
// before stays queued; confirm, if not nil, is queued behind it, and nothing of the channel
// comes after that.
func (c *Client) Unsubscribe(name pubsub.Channel, confirm Reply) bool {
	c.mu.Lock()
	sub := c.subs[name]
	c.mu.Unlock()
	if sub == nil || !c.leave(name, sub) {
		return false
	}
	if confirm != nil {
		c.Reply(confirm)
	}
	return true
}

// Subscribed reports whether the client is subscribed to the channel.
func (c *Client) Subscribed(name pubsub.Channel) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subs[name] != nil
}

// Channels returns what the client is subscribed to, in no order.
func (c *Client) Channels() []pubsub.Channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	channels := make([]pubsub.Channel, 0, len(c.subs))
	for name := range c.subs {
		channels = append(channels, name)
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
	for {
		c.mu.Lock()
		if c.cause != nil {
			defer c.mu.Unlock()
			return items, c.cause
		}
		c.taken, c.pulling = time.Now(), true
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
	if c.hooks.Stopped != nil {
		c.hooks.Stopped(cause)
	}
	if wake {
		c.hooks.Wake()
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
	c.subs = nil
	c.mu.Unlock()
	for _, sub := range subs {
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

func (c *Client) reserve(name pubsub.Channel, sub *subscription) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.cause != nil:
		return c.cause
	case c.subs[name] != nil:
		return fmt.Errorf("%w to %s", ErrSubscribed, name)
	case len(c.subs) >= c.bridge.options.Subscriptions:
		return fmt.Errorf("%w: at most %d are allowed", ErrTooMany, c.bridge.options.Subscriptions)
	}
	if c.subs == nil {
		c.subs = make(map[pubsub.Channel]*subscription, 1)
	}
	c.subs[name] = sub
	return nil
}

// forget takes a subscription out of the client's map, and reports whether it stood there.
func (c *Client) forget(name pubsub.Channel, sub *subscription) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subs[name] != sub {
		return false
	}
	delete(c.subs, name)
	return true
}

// leave ends one subscription, unless Close does.
func (c *Client) leave(name pubsub.Channel, sub *subscription) bool {
	if !c.forget(name, sub) || sub.channel == nil {
		return false
	}
	c.bridge.end(sub)
	return true
}

// join ties a reserved subscription to its channel, unless the client was closed meanwhile.
func (c *Client) join(name pubsub.Channel, sub *subscription, ch *channel) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subs[name] != sub {
		return false
	}
	sub.channel = ch
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
		c.hooks.Wake()
	}
	return ok
}

// unpark reports whether the consumer has to be woken. The mutex is held.
func (c *Client) unpark() bool {
	was := c.parked
	c.parked = false
	return was
}
