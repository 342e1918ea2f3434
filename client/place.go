package client

import (
	"fmt"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A place is where a channel stands: behind everything that its subscription was given. It
// decides what of a line is given, since lines overlap when one takes over from another.
type place struct{ start pubsub.Start }

// known reports whether the server has said where the channel begins.
func (p *place) known() bool { return p.start.Resume && !p.start.Pos.IsZero() }

// begin takes what a server says of the beginning, unless the channel has begun.
func (p *place) begin(at pubsub.Position) {
	if !p.known() {
		p.start = pubsub.Behind(at)
	}
}

// message reports whether m is the next one. What was given before is not, told by offset
// within one epoch; a hole that no gap explains is an error.
func (p *place) message(m *Message) (fresh bool, err error) {
	at := p.start.Pos
	switch {
	case !p.known():
	case m.Pos.Epoch != at.Epoch:
		return false, &Violation{Detail: fmt.Sprintf("%s went from epoch %s to %s without a gap", m.Channel, at.Epoch, m.Pos.Epoch)}
	case m.Pos.Offset <= at.Offset:
		return false, nil
	case m.Pos.Offset != at.Offset+1:
		return false, &Violation{Detail: fmt.Sprintf("message %d of %s came behind %d without a gap", m.Pos.Offset, m.Channel, at.Offset)}
	}
	return true, nil
}

// gap returns the gap as it is for a subscription at this place. A line that began further
// back may be told of messages missing that another line brought.
func (p *place) gap(g *Gap) (*Gap, bool) {
	if !p.known() {
		return g, true
	}
	at := p.start.Pos
	if g.From.Epoch == at.Epoch && g.To.Epoch == at.Epoch && g.From.Offset < at.Offset &&
		g.To.Offset <= at.Offset && (g.Reason == pubsub.Trimmed || g.Reason == pubsub.Overflow) {
		return nil, false
	}
	mine := *g
	mine.From = at
	return &mine, true
}
