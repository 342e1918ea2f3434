package relay

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Info is what is known of a stream from its beginning on.
type Info struct {
	ID      uuid.UUID // Send makes one if there is none
	Channel pubsub.Channel
	Name    string // may be empty
	Type    string // media type
	Size    int64  // in bytes; -1: not known
}

// A stream is a window and those who consume it. It is either sent here, or mirrored from its
// origin on another instance.
type stream struct {
	relay  *Relay
	info   Info    // of a mirror only the ID
	mirror *mirror // nil: it is sent here

	mu        sync.Mutex // taken behind the relay's; guards what follows
	window    window
	state     State
	cut       CutError // why it is Broken
	ended     time.Time
	gathered  time.Time // until then its beginning does not leave the window
	consumers map[*Consumer]struct{}
	pace      pace
	onCut     func() // tells the sender, who may wait elsewhere; nil: nobody
}

func newStream(r *Relay, info Info, limit, at int64) *stream {
	return &stream{
		relay: r, info: info, window: newWindow(limit, at),
		consumers: make(map[*Consumer]struct{}), pace: newPace(),
	}
}

// join adds a consumer who has everything in front of from. remote is the mirror that it stands
// for, nil for a client.
func (s *stream) join(from int64, wake func(cut bool), remote *feed) (*Consumer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == Broken && s.cut.Reason != BySender:
		cut := s.cut
		return nil, &cut
	case from < s.window.start:
		return nil, &CutError{Gone, s.window.start}
	case from > s.window.end && (s.mirror == nil || s.state != Running):
		return nil, ErrBeyond
	}
	now := time.Now()
	s.account(now)
	c := &Consumer{stream: s, wake: wake, remote: remote, pos: from, moved: now}
	if wake == nil {
		bell := make(chan struct{}, 1)
		c.bell, c.wake = bell, func(bool) {
			select {
			case bell <- struct{}{}:
			default:
			}
		}
	}
	s.consumers[c] = struct{}{}
	s.watch()
	s.flow()
	return c, nil
}

// append takes bytes for which there is room, and wakes who waits for them. The mutex is held.
func (s *stream) append(b []byte) {
	now := time.Now()
	s.account(now)
	had := s.window.end
	s.window.write(b)
	for c := range s.consumers {
		if c.pos >= had {
			c.moved = now // from now on there is something for it
		}
		c.unpark()
	}
}

// finish sets the end. The mutex is held.
func (s *stream) finish(state State, cut CutError) {
	if s.state != Running {
		return
	}
	now := time.Now()
	s.account(now)
	s.state, s.cut, s.ended = state, cut, now
	for c := range s.consumers {
		c.unpark()
	}
	s.pace.ring()
	if s.onCut != nil && state == Broken {
		s.onCut()
	}
}

// leave removes a consumer. The mutex is held.
func (s *stream) leave(c *Consumer) {
	if _, there := s.consumers[c]; !there {
		return
	}
	s.account(time.Now())
	delete(s.consumers, c)
	s.flow()
}

// flow looks whether bytes can go on after a consumer came, took something or left. The mutex
// is held.
func (s *stream) flow() {
	if s.mirror != nil {
		s.mirror.moved()
	} else if s.pace.waiting > 0 && s.room() >= s.pace.waiting {
		s.pace.ring()
	}
}

// idle reports whether nobody sends or consumes it.
func (s *stream) idle() (since time.Time, idle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended, s.state != Running && len(s.consumers) == 0
}
