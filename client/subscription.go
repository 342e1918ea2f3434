package client

import (
	"context"
	"iter"
	"sync"

	"github.com/wsbridge/wsbridge/pubsub"
)

const (
	queueEvents = 256
	queueBytes  = 1 << 20
)

// A Subscription gives the events of its channels. Next and Events are for one goroutine at a
// time; everything else may be called at once from any.
type Subscription struct {
	client *Client

	mu     sync.Mutex // guards what follows
	queue  []Event
	bytes  int
	err    error         // why there will be no more events
	ready  chan struct{} // holds one when there is something to take
	full   bool          // the session waits for room
	cursor pubsub.Cursor // behind what was taken
}

func newSubscription(c *Client, cursor pubsub.Cursor) *Subscription {
	return &Subscription{client: c, cursor: append(pubsub.Cursor(nil), cursor...), ready: make(chan struct{}, 1)}
}

// Next waits for the next event. The subscription stands behind it when it returns, so whoever
// stores [Subscription.Cursor] while handling an event is never given that one again. When ctx
// ends, the subscription stays as it is. Other errors are final, and come behind the events that
// came before: a [*Refused] or [*CloseError] that trying again would not change, or [ErrClosed].
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	for {
		if e, ok, err := s.take(); ok || err != nil {
			return e, err
		}
		select {
		case <-s.ready:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// Events gives what Next does, and ends with its first error. Leaving the loop leaves the
// subscription as it is.
func (s *Subscription) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			e, err := s.Next(ctx)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Cursor returns where the subscription stands: behind everything that Next gave. Another
// client goes on from there.
func (s *Subscription) Cursor() pubsub.Cursor {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append(pubsub.Cursor(nil), s.cursor...)
}

// Close unsubscribes. What was not taken is dropped.
func (s *Subscription) Close() error {
	s.drop()
	return s.client.session.do(func(session *session) { session.unsubscribe(s) })
}

func (s *Subscription) take() (e Event, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return e, false, s.err
	}
	e = s.queue[0]
	s.queue[0] = Event{}
	s.queue = s.queue[1:]
	s.bytes -= e.size()
	if e.Message != nil {
		s.cursor = s.cursor.Set(e.Message.Channel, e.Message.Pos)
	} else {
		s.cursor = s.cursor.Set(e.Gap.Channel, e.Gap.To)
	}
	if s.full {
		s.full = false
		s.client.session.drained()
	}
	return e, true, nil
}

// offer queues an event, unless there is no room.
func (s *Subscription) offer(e Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return true // nobody wants it any more
	case len(s.queue) >= queueEvents, len(s.queue) > 0 && s.bytes+e.size() > queueBytes:
		s.full = true
		return false
	}
	s.queue = append(s.queue, e)
	s.bytes += e.size()
	s.signal()
	return true
}

// empty reports whether everything was taken, and asks to be told when more is.
func (s *Subscription) empty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = len(s.queue) > 0
	return !s.full
}

// begin takes the position where a channel begins that showed none.
func (s *Subscription) begin(c pubsub.Channel, at pubsub.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if start, known := s.cursor.Find(c); !known || !start.Resume || start.Pos.IsZero() {
		s.cursor = s.cursor.Set(c, at)
	}
}

// fail ends the subscription behind what is queued.
func (s *Subscription) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.signal()
}

// drop ends the subscription at once.
func (s *Subscription) drop() {
	s.fail(ErrClosed)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue, s.bytes = nil, 0
}

func (s *Subscription) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}
