package bridge

// A Rest is what is left for a client after [Client.Take].
type Rest uint8

const (
	Nothing Rest = iota // Consumer.Wake will be called
	Queued              // Take gives more at once
	Logs                // Pull reads the logs that the client has to catch up with
)

// Take is Pull without logs: it gives what is queued, and never blocks. What it says of the rest
// holds once the caller has dealt with items. It is called by one goroutine at a time, and
// not during Pull.
func (c *Client) Take(items []Item, limit Limit) ([]Item, Rest, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return items, Nothing, c.cause
	}
	if c.lags {
		c.taken = c.bridge.clock()
	}
	limit.Messages = max(limit.Messages, 1)
	items = c.queue.take(items, &limit)
	switch {
	case !c.queue.empty():
		return items, Queued, nil
	case c.readable() >= 0:
		return items, Logs, nil
	}
	c.parked, c.lags = true, false
	return items, Nothing, nil
}
