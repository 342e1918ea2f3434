package ledger

import (
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A Subscriber is what one client was given, over all its lines.
type Subscriber struct {
	ledger   *Ledger
	name     string
	asleep   bool
	woke     time.Time
	channels map[pubsub.Channel]*reading
}

// A reading is how a subscriber came through one channel.
type reading struct {
	begin, at pubsub.Position
	got       map[uuid.UUID]time.Time
	tags      map[Tag]uuid.UUID
	repeats   []repeat
	gaps      []pubsub.Gap
}

// A repeat is one publication that came under two ids.
type repeat struct {
	tag   Tag
	first uuid.UUID
}

// Subscriber returns a new one.
func (l *Ledger) Subscriber(name string) *Subscriber {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &Subscriber{ledger: l, name: name, channels: make(map[pubsub.Channel]*reading)}
	l.subscribers = append(l.subscribers, s)
	return s
}

// Stands notes where the server says that the subscriber stands. The first time, that is
// where it begins: everything behind is owed to it. Later, it has to be where it stood.
func (s *Subscriber) Stands(c pubsub.Channel, at pubsub.Position) {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	in := s.channels[c]
	if in == nil {
		s.channels[c] = &reading{begin: at, at: at, got: make(map[uuid.UUID]time.Time), tags: make(map[Tag]uuid.UUID)}
	} else if in.at != at {
		s.ledger.noted.add(Protocol, "%s stood at %v of %s and was put at %v", s.name, in.at, c, at)
	}
}

// Sleeps notes that the subscriber goes away on purpose: nothing is owed to it for now.
func (s *Subscriber) Sleeps() {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	s.asleep = true
}

// Woke notes that it comes back: its time to catch up does not count from earlier.
func (s *Subscriber) Woke(at time.Time) {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	s.asleep, s.woke = false, at
}

// Delivered notes a message.
func (s *Subscriber) Delivered(m *pubsub.Message, content Content, at time.Time) {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	found := &s.ledger.noted
	p, in := s.ledger.sent[content.Tag], s.channels[m.Channel]
	switch {
	case in == nil:
		found.add(Foreign, "%s was given %v of %s, where it had no position", s.name, m.Pos, m.Channel)
		return
	case p == nil || p.channel != m.Channel || p.Sum != content.Sum:
		found.add(Foreign, "%s was given %v of %s with %v, which nobody sent like that", s.name, m.Pos, m.Channel, content.Tag)
	case in.at.Next(m.ID) != m.Pos:
		found.add(Disorder, "%s was given %v of %s behind %v", s.name, m.Pos, m.Channel, in.at)
	}
	if _, again := in.got[m.ID]; again {
		found.add(Twice, "%s was given %v of %s twice", s.name, m.Pos, m.Channel)
	} else if first, again := in.tags[content.Tag]; again {
		in.repeats = append(in.repeats, repeat{content.Tag, first})
	}
	in.at, in.got[m.ID], in.tags[content.Tag] = m.Pos, at, m.ID
}

// Gap notes a gap. What it covers is looked at in the end.
func (s *Subscriber) Gap(g pubsub.Gap) {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	in := s.channels[g.Channel]
	if in == nil {
		s.ledger.noted.add(BadGap, "%s was told of a gap in %s, where it had no position", s.name, g.Channel)
		return
	}
	if in.at != g.From {
		s.ledger.noted.add(BadGap, "%s stood at %v of %s, and its gap begins at %v", s.name, in.at, g.Channel, g.From)
	}
	in.at = g.To
	in.gaps = append(in.gaps, g)
}

// owed reports whether the subscriber should have been given p, unless a gap covers it.
func (in *reading) owed(p *publication) bool {
	_, got := in.got[p.id]
	return !got && !in.before(p.pos)
}

// before reports whether a position was passed when the subscriber began.
func (in *reading) before(pos pubsub.Position) bool {
	return pos.Epoch == in.begin.Epoch && pos.Offset <= in.begin.Offset
}

// covered reports whether a gap says of a position that what stands there is not given.
func (in *reading) covered(pos pubsub.Position) bool {
	for _, g := range in.gaps {
		behind := pos.Epoch == g.From.Epoch && pos.Offset > g.From.Offset
		switch {
		case behind && (g.Reason == pubsub.Replaced || g.Reason == pubsub.Purged || g.Reason == pubsub.Rollback):
			// The life or the tail that the subscriber was reading is gone.
			return true
		case pos.Epoch == g.To.Epoch && pos.Offset <= g.To.Offset && (behind || g.From.Epoch != g.To.Epoch):
			return true
		}
	}
	return false
}
