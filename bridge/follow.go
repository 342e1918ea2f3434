package bridge

import (
	"context"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// followTimeout bounds how long a new channel waits for the broker.
const followTimeout = 5 * time.Second

// acquire returns a channel that is followed, for one more user. The first one asks the
// broker, the others wait for its answer.
func (b *Bridge) acquire(ctx context.Context, name pubsub.Channel) (*channel, error) {
	s := b.shard(name)
	for {
		s.mu.Lock()
		ch := s.channels[name]
		if ch != nil && ch.closing != nil {
			closed := ch.closing
			s.mu.Unlock()
			<-closed // Unfollow does not block
			continue
		}
		first := ch == nil
		if first {
			name = pubsub.Channel(strings.Clone(string(name))) // the request that it is part of goes
			ch = &channel{name: name, bridge: b, opening: &asking{done: make(chan struct{})}}
			if s.channels == nil {
				s.channels = make(map[pubsub.Channel]*channel)
			}
			s.channels[name] = ch
		}
		ch.users++
		opening := ch.opening
		s.mu.Unlock()

		if opening == nil {
			return ch, nil
		}
		if first {
			b.open(ctx, s, ch)
		}
		select {
		case <-opening.done:
		case <-ctx.Done():
			b.release(ch)
			return nil, ctx.Err()
		}
		if opening.err != nil {
			return nil, opening.err // open took the channel out of the map, users and all
		}
		return ch, nil
	}
}

// knows guesses whether a subscription can be opened without asking the broker.
func (b *Bridge) knows(m pubsub.Mark) bool {
	s := b.shard(m.Channel)
	s.mu.RLock()
	ch := s.channels[m.Channel]
	known := ch != nil && ch.opening == nil
	s.mu.RUnlock()
	if !known {
		return false
	}
	if m.Start.Resume {
		return !m.Start.Pos.IsZero()
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.synced
}

// open follows the channel. The caller's leaving does not end it, since others may wait.
func (b *Bridge) open(ctx context.Context, s *shard, ch *channel) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), followTimeout)
	defer cancel()
	var end pubsub.Position
	err := pubsub.ErrUnavailable
	if b.broker.Status().State != pubsub.Down { // else it would be tried for as long as it may take
		end, err = b.broker.Follow(ctx, ch.name)
	}
	if err != nil {
		s.mu.Lock()
		delete(s.channels, ch.name)
		opening := ch.opening
		s.mu.Unlock()
		ch.leave()
		opening.err = err
		close(opening.done)
		return
	}
	ch.mu.Lock()
	if !ch.synced && ch.breaks == 0 {
		// What was announced before Follow returned counts on from here; else it is the end.
		ch.end, ch.synced = end, true
	}
	ch.mu.Unlock()
	s.mu.Lock()
	opening := ch.opening
	ch.opening = nil
	s.mu.Unlock()
	close(opening.done)
}

// release gives back what acquire gave. A channel without users is followed a while
// longer, since those who poll come back.
func (b *Bridge) release(ch *channel) {
	s := b.shard(ch.name)
	s.mu.Lock()
	defer s.mu.Unlock()
	ch.users--
	if ch.users > 0 || s.channels[ch.name] != ch {
		return
	}
	ch.idle = time.Now()
	if !ch.queued {
		ch.queued = true
		s.idle = append(s.idle, ch)
	}
}

// end ends a subscription wherever it stands.
func (b *Bridge) end(sub *subscription) {
	ch := sub.channel
	ch.mu.Lock()
	ended := sub.state == gone
	if !ended {
		ch.remove(sub)
		sub.client.unlist(sub)
	}
	ch.mu.Unlock()
	if !ended {
		b.release(ch)
	}
}
