package transport

import (
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// answerBytes is where the answer of a poll ends, if it holds anything.
const answerBytes = 1 << 20

// An answer is what a poll is given, as it grows. Gaps stand in front of all messages in
// it, so it ends where a channel has a gap behind messages.
type answer struct {
	body   []byte // from BeginAnswer on
	object []byte // of a message that is not kept
	gaps   []pubsub.Gap
	cursor pubsub.Cursor
	served []bool    // which channels of the cursor have a message
	left   int       // messages that it may still take
	since  time.Time // when the poll came
	tally  tally
	more   bool
}

// answers are borrowed for the time of one poll.
var answers = sync.Pool{New: func() any { return new(answer) }}

func newAnswer(limit int, since time.Time) *answer {
	a := answers.Get().(*answer)
	*a = answer{body: a.body[:0], object: a.object, gaps: a.gaps[:0], served: a.served[:0], left: limit, since: since}
	a.body = wire.BeginAnswer(a.body)
	return a
}

func (a *answer) release() {
	a.cursor = nil
	if max(cap(a.body), cap(a.object)) <= scratchKept {
		answers.Put(a)
	}
}

// begin sets where the client stands before the first message.
func (a *answer) begin(cursor pubsub.Cursor) {
	a.cursor = cursor
	a.served = append(a.served[:0], make([]bool, len(cursor))...)
}

// limit is what may be pulled next.
func (a *answer) limit() bridge.Limit {
	return bridge.Limit{Messages: min(a.left, batchMessages), Bytes: max(answerBytes-len(a.body), 1)}
}

func (a *answer) full() bool  { return a.left <= 0 || len(a.body) >= answerBytes }
func (a *answer) empty() bool { return a.tally.messages == 0 && len(a.gaps) == 0 }

// add adds an item. It reports false when the answer ends in front of it: the cursor is
// there, and more is set.
func (a *answer) add(it bridge.Item) bool {
	switch it := it.(type) {
	case *bridge.Delivery:
		object := it.Encoded(formObject, &a.object, wire.AppendMessage)
		if a.tally.messages > 0 && len(a.body)+len(object) > answerBytes || a.left == 0 {
			a.more = true
			return false
		}
		a.body = wire.AppendAnswerMessage(a.body, object)
		a.left--
		a.tally.add(it.Message, a.since)
		a.move(it.Message.Channel, it.Message.Pos, true)
	case *bridge.Gap:
		if i := find(a.cursor, it.Channel); i >= 0 && a.served[i] {
			a.more = true
			return false
		}
		a.gaps = append(a.gaps, it.Gap)
		a.move(it.Channel, it.To, false)
	}
	return true
}

func (a *answer) move(c pubsub.Channel, pos pubsub.Position, served bool) {
	if i := find(a.cursor, c); i >= 0 {
		a.cursor[i].Start = pubsub.Behind(pos)
		a.served[i] = a.served[i] || served
	}
}

// end returns the answer. Channels that had no message stand first in its cursor, which is
// how they come first next time (see inTurns): a busy channel takes from no other
// more than its turn, though nothing is kept between two polls.
func (a *answer) end(retry time.Duration) []byte {
	if len(a.cursor) > 1 {
		cursor := make(pubsub.Cursor, 0, len(a.cursor))
		for _, served := range []bool{false, true} {
			for i, m := range a.cursor {
				if a.served[i] == served {
					cursor = append(cursor, m)
				}
			}
		}
		a.cursor = cursor
	}
	a.body = wire.EndAnswer(a.body, a.gaps, a.cursor, a.more, retry)
	return a.body
}

// inTurns returns the channels in the order in which they are served: that of the cursor.
// Those that are not in it begin now, so nothing waits in them.
func inTurns(marks, cursor pubsub.Cursor) pubsub.Cursor {
	if len(marks) < 2 {
		return marks
	}
	turns := make(pubsub.Cursor, 0, len(marks))
	for _, m := range cursor {
		if i := find(marks, m.Channel); i >= 0 {
			turns = append(turns, marks[i])
		}
	}
	for _, m := range marks {
		if find(cursor, m.Channel) < 0 {
			turns = append(turns, m)
		}
	}
	return turns
}

// find returns where a channel stands in a cursor, or -1. A cursor is short.
func find(cursor pubsub.Cursor, c pubsub.Channel) int {
	for i := range cursor {
		if cursor[i].Channel == c {
			return i
		}
	}
	return -1
}
