package bridge

import (
	"sync/atomic"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A tail is the newest part of a channel as this instance received it: without holes,
// ending at the channel's end. It spares the log those who fell behind a moment ago, and
// lends its encodings to everyone who reads what it holds. It may hold what retention has
// dropped, so it serves no one whose position the log has not seen (see
// subscription.placed), or those around it (see proof). Its channel's mutex guards it.
type tail struct {
	deliveries []*Delivery
	bytes      int
}

const (
	tailMessages = 64        // per channel
	tailBytes    = 128 << 10 // per channel, sum of Message.Size; the newest message stays whatever its size
	tailBudget   = 32 << 20  // of all channels of a bridge; beyond it a tail keeps one message
)

// push appends the delivery that follows the tail, and drops the oldest beyond the bounds.
// The spent bytes of all tails are counted in total.
func (t *tail) push(d *Delivery, total *atomic.Int64) {
	t.deliveries = append(t.deliveries, d)
	n := d.Message.Size()
	t.bytes += n
	all := total.Add(int64(n))

	drop := 0
	for last := len(t.deliveries) - 1; drop < last; drop++ {
		if last-drop < tailMessages && t.bytes <= tailBytes && all <= tailBudget {
			break
		}
		size := t.deliveries[drop].Message.Size()
		t.deliveries[drop] = nil
		t.bytes -= size
		all = total.Add(-int64(size))
	}
	// Appending moves the slice to a new array when it is used up, which lets go of the old one.
	t.deliveries = t.deliveries[drop:]
}

func (t *tail) clear(total *atomic.Int64) {
	total.Add(-int64(t.bytes))
	*t = tail{}
}

// behind returns what follows p, and whether the tail knows: p must be the position of
// one of its messages, or the one in front of its oldest.
func (t *tail) behind(p pubsub.Position) ([]*Delivery, bool) {
	if len(t.deliveries) == 0 {
		return nil, false
	}
	first := t.deliveries[0].Message
	if p.Epoch != first.Pos.Epoch || p.Offset+1 < first.Pos.Offset {
		return nil, false
	}
	i := p.Offset + 1 - first.Pos.Offset // index of the message behind p
	if i > uint64(len(t.deliveries)) {
		return nil, false
	}
	if i == 0 {
		return t.deliveries, p.Next(first.ID) == first.Pos
	}
	return t.deliveries[i:], p == t.deliveries[i-1].Message.Pos
}

// delivery returns the tail's own delivery of a message that was read from the log, or nil.
func (t *tail) delivery(m *pubsub.Message) *Delivery {
	if len(t.deliveries) > 0 {
		first := t.deliveries[0].Message.Pos
		if i := m.Pos.Offset - first.Offset; m.Pos.Offset >= first.Offset && i < uint64(len(t.deliveries)) {
			if d := t.deliveries[i]; d.Message.Pos == m.Pos {
				return d
			}
		}
	}
	return nil
}
