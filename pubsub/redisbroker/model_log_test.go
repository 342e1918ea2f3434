package redisbroker

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A modelLog is a plain list of everything that was ever appended to one life of a log, and what
// of it may still be read.
type modelLog struct {
	epoch   pubsub.Epoch // empty: there is no record
	purged  []pubsub.Epoch
	entries []modelEntry
	dropped int  // of them
	absent  bool // Redis has no log: it expired, or was deleted
	lost    int  // how many went with it that should have been kept, counted from the first ever
	scarred int  // one scar is enough for all that stood in front of this offset

	channel   pubsub.Channel
	retention pubsub.Retention
	fresh     int // index of the first entry that is too young to have aged out
}

// A modelEntry is a message, or a scar.
type modelEntry struct {
	message *pubsub.Message // of a scar, only Pos is set
	scar    bool
}

func (e modelEntry) size() int { return e.message.Size() }

// at returns the position behind the n-th entry.
func (l *modelLog) at(n int) pubsub.Position {
	if n == 0 {
		return pubsub.Position{Epoch: l.epoch}
	}
	return l.entries[n-1].message.Pos
}

func (l *modelLog) end() pubsub.Position { return l.at(len(l.entries)) }

// bytes returns the sizes of the entries from i up to j.
func (l *modelLog) bytes(i, j int) (n int64) {
	for _, e := range l.entries[i:j] {
		n += int64(e.size())
	}
	return n
}

// ages is the border between the two kinds of ages that tests have: some outlive them, and the
// others pass between any two of their steps.
const ages = time.Minute

// within returns how many entries have to be dropped, if at least so many were.
func (l *modelLog) within(dropped int) int {
	if l.retention.Off() {
		return len(l.entries)
	}
	for ; dropped < len(l.entries); dropped++ {
		aged := l.retention.Age < ages && dropped < l.fresh
		if !aged && len(l.entries)-dropped <= l.retention.Count && l.bytes(dropped, len(l.entries)) <= l.retention.Bytes {
			break
		}
	}
	return dropped
}

// trim does what every reader does first.
func (l *modelLog) trim() {
	if l.dropped == len(l.entries) {
		return
	}
	aged := l.retention.Age < ages && l.fresh == len(l.entries)
	if l.absent && !l.retention.Off() && !aged {
		l.dropped, l.lost = len(l.entries), len(l.entries)
		return
	}
	l.dropped = l.within(l.dropped)
}

// reasons returns the reasons that a gap up to the oldest kept may have. There is more than one
// where the size of what was lost decides, which Redis does not know.
func (l *modelLog) reasons() []pubsub.Reason {
	if l.lost == 0 || l.lost != l.dropped || l.retention.Off() || l.retention.Age < ages {
		return []pubsub.Reason{pubsub.Trimmed}
	}
	kept := l.bytes(l.dropped, len(l.entries))
	switch {
	case len(l.entries)-l.dropped >= l.retention.Count || kept >= l.retention.Bytes:
		return []pubsub.Reason{pubsub.Trimmed}
	case kept+int64(l.entries[l.dropped-1].size()) > l.retention.Bytes:
		return []pubsub.Reason{pubsub.Trimmed, pubsub.Overflow}
	}
	return []pubsub.Reason{pubsub.Overflow}
}

// append adds a message as publish.lua does, which drops three of the oldest at most.
func (l *modelLog) append(m *pubsub.Message) {
	if l.absent && l.dropped < len(l.entries) {
		if l.retention.Age >= ages && !l.retention.Off() {
			l.lost = len(l.entries)
		}
		l.dropped = len(l.entries)
	}
	l.entries = append(l.entries, modelEntry{message: m})
	l.absent = false
	if l.retention.Off() {
		l.dropped = len(l.entries)
		return
	}
	l.dropped = min(l.dropped+3, l.within(l.dropped))
}

// begin starts another life.
func (l *modelLog) begin(e pubsub.Epoch) {
	l.epoch, l.entries, l.dropped, l.absent, l.lost, l.scarred, l.fresh = e, nil, 0, true, 0, 0, 0
}

// place is the table under "Resuming" once more, in other words.
func (l *modelLog) place(p pubsub.Position) (index int, gap *pubsub.Gap, reasons []pubsub.Reason) {
	switch {
	case p.IsZero():
		return l.dropped, nil, nil
	case p.Epoch != l.epoch:
		index, reasons = l.dropped, []pubsub.Reason{pubsub.Replaced}
		for _, e := range l.purged {
			if p.Epoch == e {
				reasons = []pubsub.Reason{pubsub.Purged}
			}
		}
	case p.Offset < uint64(l.dropped):
		index, reasons = l.dropped, l.reasons()
	case p.Offset > uint64(len(l.entries)):
		index, reasons = len(l.entries), []pubsub.Reason{pubsub.Rollback}
	default:
		index = int(p.Offset)
		if l.at(index).Digest != p.Digest {
			reasons = []pubsub.Reason{pubsub.Rollback}
		}
	}
	if reasons != nil {
		gap = &pubsub.Gap{Channel: l.channel, From: p, To: l.at(index)}
	}
	return index, gap, reasons
}

// admits reports whether a page that holds n messages takes another, with so many bytes then.
func admits(limit pubsub.Limit, n int, bytes int64) bool {
	return n == 0 || n < limit.Messages && (limit.Bytes == 0 || bytes <= int64(limit.Bytes))
}

// read returns the page that is due, and the reasons that its gap may have.
func (l *modelLog) read(p pubsub.Position, limit pubsub.Limit) (pubsub.Page, []pubsub.Reason) {
	l.trim()
	first, gap, reasons := l.place(p)
	page := pubsub.Page{Gap: gap, From: l.at(first), End: l.end()}
	i := first
	for ; i < len(l.entries) && admits(limit, len(page.Messages), l.bytes(first, i+1)); i++ {
		switch e := l.entries[i]; {
		case !e.scar:
			page.Messages = append(page.Messages, e.message)
			continue
		case len(page.Messages) == 0:
			if page.Gap == nil {
				page.Gap, reasons = &pubsub.Gap{Channel: l.channel, From: page.From}, []pubsub.Reason{pubsub.Rollback}
			}
			page.Gap.To, page.From = e.message.Pos, e.message.Pos
			continue
		}
		break // a scar behind messages is for the next page
	}
	page.More = page.Last() != page.End
	return page, reasons
}

func (l *modelLog) readBack(p pubsub.Position, limit pubsub.Limit) (pubsub.Page, []pubsub.Reason) {
	l.trim()
	last, gap, reasons := len(l.entries), (*pubsub.Gap)(nil), []pubsub.Reason(nil)
	if !p.IsZero() {
		last, gap, reasons = l.place(p)
	}
	page := pubsub.Page{Gap: gap, End: l.end()}
	i := last
	for ; i > l.dropped && admits(limit, len(page.Messages), l.bytes(i-1, last)); i-- {
		if e := l.entries[i-1]; !e.scar {
			page.Messages = append([]*pubsub.Message{e.message}, page.Messages...)
		}
	}
	page.From, page.More = l.at(i), i > l.dropped
	return page, reasons
}

func naiveDigest(before pubsub.Digest, id uuid.UUID) pubsub.Digest {
	sum := sha1.Sum(fmt.Appendf(nil, "%08x%s", uint32(before), id))
	return pubsub.Digest(binary.BigEndian.Uint32(sum[:]))
}
