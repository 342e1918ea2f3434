package bridge

import "github.com/wsbridge/wsbridge/pubsub"

// A proof says that the channel's messages behind a position stand in its log: the log was
// read from there through the end of announcements, and what is announced since follows that.
// It ends when the channel breaks, and with the line. The channel's mutex guards it.
type proof struct {
	from  pubsub.Position
	began moment // zero: there is none
}

// covers reports whether a position that the tail knows needs no other decision of the log.
func (p *proof) covers(at pubsub.Position, now moment) bool {
	return p.began.counts(now) && at.Epoch == p.from.Epoch && at.Offset >= p.from.Offset
}

// proves reports whether there is a proof that covers a position.
func (rs *readings) proves(at pubsub.Position, now moment) bool {
	return rs != nil && rs.proof.covers(at, now)
}

// take takes a page over which announcements had come to end when its reading began. A page
// without messages proves nothing: where retention is off, what is missed is not in the log.
func (p *proof) take(pg *page, end pubsub.Position) {
	if len(pg.messages) == 0 || !pg.holds(end) || p.covers(pg.from, pg.began) {
		return
	}
	*p = proof{pg.from, pg.began}
}
