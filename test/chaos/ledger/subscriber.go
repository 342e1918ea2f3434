package ledger

import (
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A Subscriber is what one client was given, over all its lines.
type Subscriber struct {
	ledger   *Ledger
	name     string
	timed    bool
	asleep   bool
	woke     time.Time
	channels map[pubsub.Channel]*reading
}

// Subscriber returns a new one. timed says whether the time that it needs to catch up counts.
func (l *Ledger) Subscriber(name string, timed bool) *Subscriber {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &Subscriber{ledger: l, name: name, timed: timed, channels: make(map[pubsub.Channel]*reading)}
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
		s.channels[c] = newReading(at)
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
		found.add(Disorder, "%s was given %v of %s behind %v (%s)", s.name, m.Pos, m.Channel, in.at, in.told())
	}
	if first, again := in.tags[content.Tag]; !again {
		in.stood[m.ID] = m.Pos
	} else {
		in.repeats = append(in.repeats, repeat{content.Tag, first, in.stood[first], m.Pos})
		in.stood[m.ID] = m.Pos
	}
	in.at, in.got[m.ID], in.tags[content.Tag] = m.Pos, at, m.ID
	in.passed[place{m.Pos.Epoch, m.Pos.Offset}] = true
}

// Gap notes a gap. What it covers is looked at in the end.
func (s *Subscriber) Gap(g pubsub.Gap, at time.Time) {
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
	in.gaps = append(in.gaps, gap{g, at})
}
