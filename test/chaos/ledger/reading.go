package ledger

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A reading is how a subscriber came through one channel.
type reading struct {
	begin, at pubsub.Position
	got       map[uuid.UUID]time.Time
	stood     map[uuid.UUID]pubsub.Position // where each message was given first
	passed    map[place]bool                // where messages were given
	tags      map[Tag]uuid.UUID
	repeats   []repeat
	gaps      []gap
}

// A place is a position without its branch of history.
type place struct {
	epoch  pubsub.Epoch
	offset uint64
}

type gap struct {
	pubsub.Gap
	told time.Time
}

// A repeat is one publication that came under two ids, or at two places.
type repeat struct {
	tag      Tag
	first    uuid.UUID
	pos, now pubsub.Position // of the first, and of this one
}

func newReading(at pubsub.Position) *reading {
	return &reading{
		begin: at, at: at,
		got: make(map[uuid.UUID]time.Time), stood: make(map[uuid.UUID]pubsub.Position), passed: make(map[place]bool), tags: make(map[Tag]uuid.UUID),
	}
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

// covered reports whether a gap lies over a position.
func (in *reading) covered(pos pubsub.Position) bool {
	for _, g := range in.gaps {
		behind := pos.Epoch == g.From.Epoch && pos.Offset > g.From.Offset
		ahead := pos.Epoch == g.To.Epoch && pos.Offset <= g.To.Offset
		if ahead && (behind || g.From.Epoch != g.To.Epoch) {
			return true
		}
	}
	return false
}

// mourned reports whether the subscriber was told that what p was stored in is gone: the life
// of the log or its tail. A log may have grown past what it lost when that is found, so the gap
// can lie anywhere; but it has to come later than p was sent. (Its acknowledgement may come later
// still: a batch is answered as a whole.)
func (in *reading) mourned(p *publication) bool {
	for _, g := range in.gaps {
		gone := g.Reason == pubsub.Replaced || g.Reason == pubsub.Purged || g.Reason == pubsub.Rollback
		if gone && g.From.Epoch == p.pos.Epoch && g.told.After(p.sent) {
			return true
		}
	}
	return false
}

// replaced reports whether something else that is gone was given in the place of what stands
// at a position, and a gap told so: nobody can say where the two histories part, so the gap
// leads behind the places that the subscriber had passed.
func (in *reading) replaced(pos pubsub.Position) bool {
	if !in.passed[place{pos.Epoch, pos.Offset}] {
		return false
	}
	for _, g := range in.gaps {
		if g.Reason == pubsub.Rollback && g.To.Epoch == pos.Epoch && pos.Offset <= min(g.From.Offset, g.To.Offset) {
			return true
		}
	}
	return false
}

// told spells the gaps out, for a violation.
func (in *reading) told() string {
	if len(in.gaps) == 0 {
		return "no gaps"
	}
	var b strings.Builder
	b.WriteString("gaps")
	for _, g := range in.gaps {
		fmt.Fprintf(&b, " %s %v→%v", g.Reason, g.From, g.To)
	}
	return b.String()
}
