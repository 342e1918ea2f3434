package pubsubtest

import (
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Patience is how long tests wait for a condition before they fail.
const Patience = 30 * time.Second

// An Event is one call of a receiver: a message, or a break.
type Event struct {
	Message *pubsub.Message // nil: Break
}

// A Recorder is a [pubsub.Receiver] that keeps what it is told. The zero value works.
type Recorder struct {
	mu          sync.Mutex
	events      map[pubsub.Channel][]Event
	subscribers map[pubsub.Channel]int
	changed     chan struct{} // closed by the next event; nil: nobody waits
}

// Message implements [pubsub.Receiver].
func (r *Recorder) Message(m *pubsub.Message) { r.record(m.Channel, Event{Message: m}) }

// Break implements [pubsub.Receiver].
func (r *Recorder) Break(c pubsub.Channel) { r.record(c, Event{}) }

func (r *Recorder) record(c pubsub.Channel, e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == nil {
		r.events = make(map[pubsub.Channel][]Event)
	}
	r.events[c] = append(r.events[c], e)
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// Subscribers implements [pubsub.Receiver].
func (r *Recorder) Subscribers(c pubsub.Channel) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.subscribers[c]
}

// SetSubscribers says what Subscribers returns for c from now on.
func (r *Recorder) SetSubscribers(c pubsub.Channel, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.subscribers == nil {
		r.subscribers = make(map[pubsub.Channel]int)
	}
	r.subscribers[c] = n
}

// Events returns what was announced of c so far, in order.
func (r *Recorder) Events(c pubsub.Channel) []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Event(nil), r.events[c]...)
}

// Messages returns the messages of c announced so far, in order.
func (r *Recorder) Messages(c pubsub.Channel) []*pubsub.Message {
	var messages []*pubsub.Message
	for _, e := range r.Events(c) {
		if e.Message != nil {
			messages = append(messages, e.Message)
		}
	}
	return messages
}

// Breaks returns how often c broke so far.
func (r *Recorder) Breaks(c pubsub.Channel) int {
	n := 0
	for _, e := range r.Events(c) {
		if e.Message == nil {
			n++
		}
	}
	return n
}

// Wait returns once the condition holds, which is looked at after every event. It fails
// the test, naming what was waited for, when [Patience] ends.
func (r *Recorder) Wait(t testing.TB, what string, condition func() bool) {
	t.Helper()
	end := time.After(Patience)
	for {
		r.mu.Lock()
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed := r.changed
		r.mu.Unlock()
		if condition() {
			return
		}
		select {
		case <-changed:
		case <-end:
			t.Fatalf("waited %v in vain for %s", Patience, what)
		}
	}
}

// WaitMessages returns the messages of c announced so far, once there are n of them.
func (r *Recorder) WaitMessages(t testing.TB, c pubsub.Channel, n int) []*pubsub.Message {
	t.Helper()
	r.Wait(t, "announcements", func() bool { return len(r.Messages(c)) >= n })
	return r.Messages(c)
}

// WaitBreaks returns once c broke n times.
func (r *Recorder) WaitBreaks(t testing.TB, c pubsub.Channel, n int) {
	t.Helper()
	r.Wait(t, "a break", func() bool { return r.Breaks(c) >= n })
}
