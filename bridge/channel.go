package bridge

import (
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A channel is what this instance knows of a channel that somebody here follows: how far
// announcements have come, and who is subscribed.
type channel struct {
	name   pubsub.Channel
	bridge *Bridge

	// Guarded by the shard's mutex.
	users   int           // subscriptions, and those about to become one
	idle    time.Time     // when users fell to 0
	queued  bool          // stands in the shard's list of idle channels
	opening *asking       // until Follow was answered
	closing chan struct{} // from the moment on that nobody may use it any more

	mu sync.Mutex // taken before a client's mutex, never while one is held; guards what follows

	// The position up to which announcements are known to be complete. While !synced it is
	// unknown, and whoever reads the log to its end establishes it again.
	end    pubsub.Position
	synced bool
	breaks int // counts what made the end unknown, so that a page read before is recognised

	tail     tail
	begun    uint64    // so many readings of its log in all
	readings *readings // nil: there were none for a while
	left     bool      // no longer followed: what is announced all the same is nobody's

	live   []*subscription // at end; each message goes into their queues
	others []*subscription // behind or ahead
}

// An asking is Follow under way, and who waits for it.
type asking struct {
	done chan struct{}
	err  error // set before done is closed
}

// message takes one announced message. The broker calls it for one channel after the other.
func (ch *channel) message(m *pubsub.Message) {
	ch.mu.Lock()
	defer ch.mu.Unlock()

	if ch.left {
		return
	}
	before := ch.end
	switch {
	case !ch.synced:
		// The channel is being opened, or broke a moment ago: here announcements begin again.
		ch.tail.clear(&ch.bridge.tails)
	case before.Next(m.ID) == m.Pos:
		// The ordinary case: m follows what is known, by offset and by digest.
	case ch.repeated(m):
		return
	default:
		ch.broken()
		before = pubsub.Position{}
	}
	d := &Delivery{Message: m}
	d.lone.Store(len(ch.live) == 1)
	ch.end, ch.synced = m.Pos, true
	ch.tail.push(d, &ch.bridge.tails)

	for i := len(ch.live) - 1; i >= 0; i-- {
		if sub := ch.live[i]; !sub.client.push(d) {
			ch.fallBehind(sub, before)
			sub.client.lag(sub)
		}
	}
	ch.meetAhead()
}

// repeated reports whether m is a message that was announced before.
func (ch *channel) repeated(m *pubsub.Message) bool {
	if m.Pos == ch.end {
		return true
	}
	_, known := ch.tail.behind(m.Pos)
	return known
}

// broken makes everyone read the log: the log is no longer what was announced, or
// announcements were missed.
func (ch *channel) broken() {
	for i := len(ch.live) - 1; i >= 0; i-- {
		sub := ch.live[i]
		ch.fallBehind(sub, ch.end)
		sub.client.work(sub)
	}
	for _, sub := range ch.others {
		sub.placed = false
		if sub.state == ahead {
			sub.state = behind
			sub.client.work(sub)
		}
	}
	ch.tail.clear(&ch.bridge.tails)
	ch.end, ch.synced = pubsub.Position{}, false
	if ch.bridge.flaws.unbroken {
		return
	}
	ch.breaks++
	ch.readings.broken()
	ch.dropAll()
}

// meetAhead looks whether announcements have reached those who read further in the log.
func (ch *channel) meetAhead() {
	for i := len(ch.others) - 1; i >= 0; i-- {
		sub := ch.others[i]
		switch {
		case sub.state != ahead:
		case sub.pos == ch.end:
			ch.goLive(sub)
		case sub.pos.Epoch != ch.end.Epoch || sub.pos.Offset <= ch.end.Offset:
			// Announcements went past it on another branch of history: the log decides.
			sub.state = behind
			sub.client.work(sub)
		}
	}
}

// add takes a subscription that stands at pos, which is behind until it turns live.
func (ch *channel) add(sub *subscription, pos pubsub.Position) {
	sub.state, sub.pos, sub.joined = behind, pos, ch.begun
	sub.index = int32(len(ch.others))
	ch.others = append(ch.others, sub)
}

// goLive puts a subscription at ch.end among the live ones.
func (ch *channel) goLive(sub *subscription) {
	ch.others = cut(ch.others, sub.index)
	sub.state, sub.index = live, int32(len(ch.live))
	ch.live = append(ch.live, sub)
}

// fallBehind takes a subscription that has everything up to pos out of the live ones.
func (ch *channel) fallBehind(sub *subscription, pos pubsub.Position) {
	ch.live = cut(ch.live, sub.index)
	ch.add(sub, pos)
	sub.placed = true
}

// remove ends a subscription.
func (ch *channel) remove(sub *subscription) {
	switch sub.state {
	case live:
		ch.live = cut(ch.live, sub.index)
	case behind, ahead:
		ch.others = cut(ch.others, sub.index)
	}
	sub.state = gone
}

// leave ends a channel that nobody uses: its tail and its pages no longer count, nor does what
// a broker announces a little longer.
func (ch *channel) leave() {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.left = true
	ch.tail.clear(&ch.bridge.tails)
	ch.dropAll()
}

// subscribers counts the subscriptions.
func (ch *channel) subscribers() int {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return len(ch.live) + len(ch.others)
}

// cut removes one subscription and keeps the indices of the others true.
func cut(subs []*subscription, i int32) []*subscription {
	last := len(subs) - 1
	subs[i] = subs[last]
	subs[i].index = i
	subs[last] = nil
	if last == 0 {
		return nil
	}
	return subs[:last]
}
