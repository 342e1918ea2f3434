package bridge

import "time"

// A moment is when something was learned from a log, or is to be decided by it.
type moment struct {
	time time.Time
	line uint64 // that announcements came over; see [pubsub.Broker]
}

// proofAge is how long what the log said to one who came back counts for those who come behind
// it. In that time a message may be dropped by retention, and is given all the same.
const proofAge = time.Second

// moment returns the present one. The broker is asked, so no mutex of the bridge may be held.
func (ch *channel) moment() moment {
	return moment{time.Now(), ch.bridge.broker.Line(ch.name)}
}

// counts reports whether what the log said at m counts now for those who come back. Without a
// line, or over another one, it does not: the log may have lost its end meanwhile, and another
// instance may have told its clients.
func (m moment) counts(now moment) bool {
	return m.line != 0 && m.line == now.line && now.time.Sub(m.time) <= proofAge
}
