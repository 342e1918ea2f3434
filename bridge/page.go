package bridge

import (
	"slices"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A page is a part of a channel's log that was read once, for everyone who stands in it. It
// is not changed when it has been read, but for used.
type page struct {
	start  pubsub.Start // where it was asked for
	number uint64       // of the channel's readings, in the order in which they began
	breaks int          // of the channel when the reading began
	began  moment

	gap      *Gap            // what who stands at start is not given
	from     pubsub.Position // where the messages begin
	messages []*Delivery     // each follows the one before it
	more     bool            // the log holds more behind them
	bytes    int             // sum of Message.Size

	used time.Time // guarded by the channel's mutex
}

// last returns the position behind the newest message.
func (p *page) last() pubsub.Position {
	if n := len(p.messages); n > 0 {
		return p.messages[n-1].Message.Pos
	}
	return p.from
}

// behind returns what the page holds behind a position, and whether that stands in it.
func (p *page) behind(at pubsub.Position) (gap *Gap, missed []*Delivery, known bool) {
	if p.start == pubsub.Behind(at) {
		return p.gap, p.messages, true
	}
	if at == p.from {
		return nil, p.messages, true
	}
	i := at.Offset - p.from.Offset // so many of the messages stand in front of it
	if at.Offset <= p.from.Offset || i > uint64(len(p.messages)) || p.messages[i-1].Message.Pos != at {
		return nil, nil, false
	}
	return nil, p.messages[i:], true
}

// holds reports whether a position stands in the page, and so in the log.
func (p *page) holds(at pubsub.Position) bool {
	return at == p.from || slices.ContainsFunc(p.messages, func(d *Delivery) bool { return d.Message.Pos == at })
}

// contradicts reports whether the log, which ended at end when the page was read, lacks what had
// been announced up to a position before (zero: unknown).
func (p *page) contradicts(announced, end pubsub.Position) bool {
	switch {
	case announced.IsZero():
		return false
	case announced.Epoch != end.Epoch || announced.Offset > end.Offset:
		return true
	}
	passes := announced.Offset >= p.from.Offset && announced.Offset <= p.last().Offset
	return passes && !p.holds(announced)
}

// decides reports whether the page tells where a subscription goes on. That is a matter of
// what the log held when the subscription came, or since then, unless the log has placed it
// before. A page with messages counts for a moment longer, so that a crowd that comes back
// costs one read; one without does not, or where retention is off clients would be given what
// they have missed.
func (p *page) decides(sub *subscription, now moment) bool {
	return sub.placed || p.number > sub.joined || len(p.messages) > 0 && p.began.counts(now)
}
