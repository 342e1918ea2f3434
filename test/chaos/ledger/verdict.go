package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A Kind is a way to break one's word.
type Kind string

const (
	Lost     Kind = "lost"         // neither delivered nor covered by a gap
	Twice    Kind = "twice"        // delivered or stored more than once
	Disorder Kind = "out of order" // does not follow what came before
	Foreign  Kind = "foreign"      // nobody sent it, or not like that
	BadGap   Kind = "gap"          // not justified, or not exact
	BadLog   Kind = "log"          // the log itself is not what was acknowledged
	Protocol Kind = "protocol"     // a client found the protocol broken
	Late     Kind = "late"         // came in the end, but not in the time that was given
)

// spelledOut bounds how many violations of a kind are described; all are counted.
const spelledOut = 10

// findings are the violations found.
type findings struct {
	counts map[Kind]int
	texts  []string
}

func (f *findings) add(k Kind, format string, args ...any) {
	if f.counts == nil {
		f.counts = make(map[Kind]int)
	}
	if f.counts[k]++; f.counts[k] <= spelledOut {
		f.texts = append(f.texts, string(k)+": "+fmt.Sprintf(format, args...))
	}
}

// A Verdict is what came out.
type Verdict struct {
	Published    int
	Acknowledged int
	Delivered    int                   // to all subscribers together
	Gaps         map[pubsub.Reason]int // told to all subscribers together
	Missing      int                   // acknowledged messages that are not in the logs any more
	Replaced     int                   // deliveries that gaps rollback spare, of messages in the place of those
	Again        int                   // deliveries of what had been taken back, where two masters lived at once
	CatchUp      time.Duration         // from Healed until the last timed subscriber had what was acknowledged before
	Slowest      string                // the last subscriber, if it took any time

	Violations map[Kind]int
	Texts      []string // describes the first violations of each kind
}

// OK reports whether the word was kept.
func (v *Verdict) OK() bool { return len(v.Violations) == 0 }

// Judge compares everything that was noted. lossy names the reasons of the gaps that the
// fault may cause; without any, Redis kept its data: nothing acknowledged may be missing in a
// log, and no gap may be told. Channels whose log was not noted are held against the
// acknowledgements alone.
func (l *Ledger) Judge(lossy ...pubsub.Reason) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := findings{make(map[Kind]int), slices.Clone(l.noted.texts)}
	for k, n := range l.noted.counts {
		found.counts[k] = n
	}
	v := Verdict{Published: len(l.sent), Gaps: make(map[pubsub.Reason]int)}
	for c, ps := range l.stored {
		v.Acknowledged += len(ps)
		if g := l.logs[c]; g != nil {
			missing := g.missing(ps)
			v.Missing += len(missing)
			if len(lossy) == 0 {
				for _, p := range missing {
					found.add(Lost, "%s does not have %v, which was acknowledged at %v", c, p.Tag, p.pos)
				}
			}
		}
	}
	may := make(map[pubsub.Channel]bool)
	for c, g := range l.logs {
		l.checkLog(c, g, &found)
		may[c] = l.suffered(c, g)
	}
	for _, s := range l.subscribers {
		for c, in := range s.channels {
			v.Delivered += len(in.got)
			for _, g := range in.gaps {
				v.Gaps[g.Reason]++
				l.checkGap(s, g.Gap, lossy, may[c], &found)
			}
			replaced, again := l.checkReading(s, c, in, len(lossy) > 0, &found)
			v.Replaced, v.Again = v.Replaced+replaced, v.Again+again
			if took := l.catchUp(s, c, in); took > v.CatchUp {
				v.CatchUp, v.Slowest = took, s.name
			}
		}
	}
	v.Violations, v.Texts = found.counts, found.texts
	return v
}

// missing returns which of the acknowledged publications a log does not have.
func (g *log) missing(ps []*publication) (missing []*publication) {
	for _, p := range ps {
		if _, there := g.at[p.id]; !there {
			missing = append(missing, p)
		}
	}
	return missing
}

// checkReading finds what a subscriber should have been given and was not, and what came
// twice. It counts what gaps cover because something else had stood in its place, and what was
// given again though it was taken back.
func (l *Ledger) checkReading(s *Subscriber, c pubsub.Channel, in *reading, lossy bool, found *findings) (replaced, again int) {
	g := l.logs[c]
	for _, p := range l.stored[c] {
		if kept := g != nil && g.at[p.id] != (pubsub.Position{}); !kept && in.owed(p) && !in.mourned(p) {
			found.add(Lost, "%s was not given %v of %s, acknowledged at %v and gone since; it stands at %v (%s)",
				s.name, p.Tag, c, p.pos, in.at, in.told())
		}
	}
	for _, r := range in.repeats {
		// A publication that was stored, lost and then repeated comes twice, rightly: what it was
		// stored as is not in the log, and who repeats it may be the instance, with the same id.
		switch there := g == nil || g.at[r.first] == r.pos; {
		case r.pos == r.now && (there || !lossy || !l.split || len(in.gaps) == 0):
			found.add(Twice, "%s was given %v of %s at %v twice (%s)", s.name, r.tag, c, r.pos, in.told())
		case r.pos == r.now:
			again++
		case there && g != nil || !lossy:
			found.add(Twice, "%s was given %v of %s at two places, first at %v (%s)", s.name, r.tag, c, r.pos, in.told())
		}
	}
	if g == nil {
		return 0, again
	}
	for _, e := range g.entries {
		switch _, got := in.got[e.id]; {
		case e.scar() || got || in.before(e.pos):
		case in.replaced(e.pos):
			replaced++
		case in.covered(e.pos):
			found.add(BadGap, "%s was told of a gap over %v of %s, which the log has (%s)", s.name, e.pos, c, in.told())
		default:
			found.add(Lost, "%s was not given %v of %s, which the log has; it stands at %v (%s)", s.name, e.pos, c, in.at, in.told())
		}
	}
	return replaced, again
}

// checkGap holds a gap against the fault and the log. suffered says whether the log may have
// lost something.
func (l *Ledger) checkGap(s *Subscriber, g pubsub.Gap, lossy []pubsub.Reason, suffered bool, found *findings) {
	wrong := ""
	log := l.logs[g.Channel]
	switch {
	case !slices.Contains(lossy, g.Reason):
		wrong = "this fault costs nothing of that kind"
	case log == nil:
	case !log.has(g.To) && !l.split:
		wrong = "it ends at no position of the log"
	case g.Reason == pubsub.Rollback && g.From.Epoch != g.To.Epoch, g.Reason == pubsub.Replaced && g.From.Epoch == g.To.Epoch:
		wrong = "the reason does not fit the epochs"
	case g.Reason == pubsub.Replaced && g.To != log.front:
		wrong = "it does not end in front of the oldest kept"
	case g.Reason == pubsub.Rollback && !suffered:
		wrong = "nothing of the channel was lost"
	}
	if wrong != "" {
		found.add(BadGap, "%s was told of a gap in %s, %s from %v to %v: %s", s.name, g.Channel, g.Reason, g.From, g.To, wrong)
	}
}

// catchUp returns how long after Healed a subscriber was given the last message that had been
// acknowledged before.
func (l *Ledger) catchUp(s *Subscriber, c pubsub.Channel, in *reading) (longest time.Duration) {
	since := l.healed
	if s.woke.After(since) {
		since = s.woke
	}
	if l.healed.IsZero() || !s.timed {
		return 0
	}
	for _, p := range l.stored[c] {
		if at, got := in.got[p.id]; got && p.acked.Before(l.healed) {
			longest = max(longest, at.Sub(since))
		}
	}
	return longest
}
