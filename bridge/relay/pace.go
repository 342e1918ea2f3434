package relay

import "time"

// This file decides how long a sender waits for whom.

const (
	// tick is how often a stream looks for consumers that stand still.
	tick = 100 * time.Millisecond

	// remoteGrace is what a mirror may be slower than a client: it finds out by itself which
	// of its consumers are slow.
	remoteGrace = time.Second
)

// A pace is what a stream knows of who waits for whom. The stream's mutex guards it.
type pace struct {
	waiting int64         // bytes for which the sender waits; 0: it does not
	asOf    time.Time     // up to when waiting was put down to somebody
	lonely  time.Duration // how long the sender has waited for a first consumer
	bell    chan struct{} // rung when there is room
	timer   *time.Timer   // nil: not started
	ticking bool
}

func newPace() pace { return pace{bell: make(chan struct{}, 1)} }

func (p *pace) ring() {
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

// room returns how many bytes can be appended without taking any from a consumer. Without
// consumers the sender waits for one, at a full window and once; then the oldest bytes go.
func (s *stream) room() int64 {
	if s.window.end > s.window.limit()-pieceSize && s.window.start == 0 && time.Now().Before(s.gathered) {
		// Whoever is told of the stream may be about to join, some over another instance, while
		// one who was faster has taken a whole window already.
		return s.window.limit() - s.window.end
	}
	if len(s.consumers) == 0 {
		if s.mirror == nil && s.pace.lonely < s.relay.options.Stall {
			return s.window.limit() - (s.window.end - s.window.start)
		}
		return s.window.limit()
	}
	oldest := s.window.end
	for c := range s.consumers {
		oldest = min(oldest, c.pos)
	}
	return s.window.limit() - (s.window.end - oldest)
}

// account puts the time since it was called last down to those who made the sender wait. It is
// called in front of everything that changes who that is.
//
// Not only the very last consumer is to blame, but whoever is more than half a window behind.
// Else many slow ones would take turns at being the last, and hold up the others for as long
// as all of them may together.
func (s *stream) account(now time.Time) {
	since := s.pace.asOf
	s.pace.asOf = now
	waited := now.Sub(since)
	if s.pace.waiting == 0 {
		return
	}
	if len(s.consumers) == 0 {
		s.pace.lonely += waited
		return
	}
	if since.Before(s.gathered) {
		waited = now.Sub(s.gathered) // until then nobody was to blame
	}
	if waited <= 0 || !s.starving() {
		return
	}
	for c := range s.consumers {
		if s.window.end-c.pos > s.window.limit()/2 {
			c.held += waited
		}
	}
}

// starving reports whether a consumer has taken everything.
func (s *stream) starving() bool {
	for c := range s.consumers {
		if c.hasAll() {
			return true
		}
	}
	return false
}

// watch starts looking for consumers that are too slow. The mutex is held.
func (s *stream) watch() {
	if s.pace.ticking {
		return
	}
	s.pace.ticking = true
	if s.pace.timer == nil {
		s.pace.timer = time.AfterFunc(tick, s.look)
	} else {
		s.pace.timer.Reset(tick)
	}
}

// look cuts the consumers that are too slow, for as long as there are any.
func (s *stream) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.account(now)
	for c := range s.consumers {
		if s.tooSlow(c, now) {
			c.end(&CutError{Reason: TooSlow})
			if s.mirror != nil {
				s.mirror.cuts++
			}
		}
	}
	s.flow()
	if s.pace.ticking = len(s.consumers) > 0 || s.pace.waiting > 0; s.pace.ticking {
		s.pace.timer.Reset(tick)
	}
}

func (s *stream) tooSlow(c *Consumer, now time.Time) bool {
	stall := s.relay.options.Stall
	if c.remote != nil {
		stall += remoteGrace
		return c.held >= stall || now.Sub(c.moved) >= stall
	}
	return c.held >= stall || c.pos < s.window.end && now.Sub(c.moved) >= stall
}
