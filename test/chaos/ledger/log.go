package ledger

import (
	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A log is one channel as it stands in the end.
type log struct {
	front   pubsub.Position
	entries []entry
	at      map[uuid.UUID]pubsub.Position // where each message stands
	known   map[pubsub.Position]bool
	scars   map[uint64]bool // offsets of scars whose positions are not known
}

type entry struct {
	Content
	id  uuid.UUID
	pos pubsub.Position
}

// Begins notes the position in front of everything that a channel's log has, before the
// messages and scars that follow it.
func (l *Ledger) Begins(c pubsub.Channel, front pubsub.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.logs[c] = &log{
		front: front,
		at:    make(map[uuid.UUID]pubsub.Position),
		known: map[pubsub.Position]bool{front: true},
		scars: make(map[uint64]bool),
	}
}

// Stored notes the next message of a log.
func (l *Ledger) Stored(m *pubsub.Message, content Content) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.logs[m.Channel]
	g.entries = append(g.entries, entry{content, m.ID, m.Pos})
	g.at[m.ID] = m.Pos
	g.known[m.Pos] = true
}

// Scar notes that whoever reads the log is told, in front of a position, that messages were
// lost there.
func (l *Ledger) Scar(c pubsub.Channel, to pubsub.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.logs[c]
	before := g.front
	if n := len(g.entries); n > 0 {
		before = g.entries[n-1].pos
	}
	g.entries = append(g.entries, entry{pos: to})
	g.known[to] = true
	// Of scars in a row only the last is told.
	for offset := before.Offset + 1; offset < to.Offset; offset++ {
		g.scars[offset] = true
	}
}

// has reports whether a position stands in the log, as far as can be told.
func (g *log) has(p pubsub.Position) bool {
	return g.known[p] || p.Epoch == g.front.Epoch && g.scars[p.Offset]
}

// scar reports whether an entry is one.
func (e *entry) scar() bool { return e.id == uuid.Nil }

// checkLog finds what is wrong with a log by itself and against what was sent.
func (l *Ledger) checkLog(c pubsub.Channel, g *log, found *findings) {
	before := g.front
	if before.Offset != 0 {
		found.add(BadLog, "%s begins behind %v: retention should have kept all of it", c, before)
	}
	seen := make(map[Tag]bool)
	newest := make(map[string]int)
	for _, e := range g.entries {
		switch {
		case e.scar():
			if e.pos.Epoch != before.Epoch || e.pos.Offset <= before.Offset {
				found.add(BadLog, "%s has a scar at %v behind %v", c, e.pos, before)
			}
			before = e.pos
			continue
		case before.Next(e.id) != e.pos:
			found.add(BadLog, "%s has %v behind %v", c, e.pos, before)
		}
		before = e.pos
		p := l.sent[e.Tag]
		switch {
		case p == nil || p.channel != c || p.Sum != e.Sum:
			found.add(Foreign, "%s has %v at %v, which nobody sent like that", c, e.Tag, e.pos)
		case seen[e.Tag]:
			found.add(Twice, "%s has %v twice, again at %v", c, e.Tag, e.pos)
		case !p.acked.IsZero() && (p.id != e.id || p.pos != e.pos):
			found.add(BadLog, "%s has %v at %v; acknowledged was %v", c, e.Tag, e.pos, p.pos)
		case e.Tag.N < newest[e.Tag.Publisher]:
			found.add(Disorder, "%s has %v at %v, behind number %d", c, e.Tag, e.pos, newest[e.Tag.Publisher])
		}
		seen[e.Tag] = true
		newest[e.Tag.Publisher] = max(newest[e.Tag.Publisher], e.Tag.N)
	}
}

// suffered reports whether a log may have lost something: a message of the channel is not in
// it, or was not when it should have been.
func (l *Ledger) suffered(c pubsub.Channel, g *log) bool {
	for _, p := range l.sent {
		if p.channel != c {
			continue
		}
		// Of one that was never acknowledged nobody knows under how many ids it was tried.
		if _, there := g.at[p.id]; !there {
			return true
		}
	}
	for _, s := range l.subscribers {
		if in := s.channels[c]; in != nil {
			for id := range in.got {
				if _, there := g.at[id]; !there {
					return true
				}
			}
		}
	}
	return false
}
