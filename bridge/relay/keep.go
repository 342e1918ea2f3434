package relay

import (
	"context"
	"time"
)

// exchangeTimeout bounds what a goroutine of the relay waits for the exchange at once.
const exchangeTimeout = 2 * time.Second

// hurry makes the keeper look at once.
func (r *Relay) hurry() {
	select {
	case r.bell <- struct{}{}:
	default:
	}
}

// keep forgets what has ended, refreshes records and sends what has no goroutine of its own.
func (r *Relay) keep() {
	defer r.goroutines.Done()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	recorded := make(map[*stream]written)
	for {
		select {
		case a := <-r.replies:
			r.post(a)
		case <-look.C:
			r.sweep(recorded)
		case <-r.bell:
			r.sweep(recorded)
		case <-r.ctx.Done():
			return
		}
	}
}

// written is when a record was written, and whether as that of a stream that has ended.
type written struct {
	at    time.Time
	ended bool
}

// sweep looks after the streams that are sent here. Records are refreshed with the time to live
// that they have then; the first failure ends the round, and the next one tries again.
func (r *Relay) sweep(recorded map[*stream]written) {
	now := time.Now()
	r.mu.Lock()
	var kept []*stream
	for _, s := range r.streams {
		if ended, idle := s.idle(); idle && now.Sub(ended) >= r.options.Linger {
			r.forget(s)
			delete(recorded, s)
		} else {
			kept = append(kept, s)
		}
	}
	for s := range recorded {
		if r.streams[s.info.ID] != s {
			delete(recorded, s)
		}
	}
	r.mu.Unlock()
	if r.options.Exchange == nil {
		return
	}
	for _, s := range kept {
		ended, _ := s.idle()
		last, ok := recorded[s]
		if !ok && ended.IsZero() {
			recorded[s] = written{at: now} // Send wrote it
			continue
		}
		if ok && last.ended == !ended.IsZero() && (last.ended || now.Sub(last.at) < recordTTL/3) {
			continue
		}
		ctx, cancel := context.WithTimeout(r.ctx, exchangeTimeout)
		err := r.record(ctx, s)
		cancel()
		if err != nil {
			return
		}
		recorded[s] = written{now, !ended.IsZero()}
	}
}
