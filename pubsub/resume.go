package pubsub

// A Reason tells why a client cannot be given everything since its position.
type Reason string

const (
	Trimmed  Reason = "trimmed"  // retention dropped what it missed
	Overflow Reason = "overflow" // retention would have kept it, the bound on memory did not
	Rollback Reason = "rollback" // the log lost its tail after the client had seen it
	Replaced Reason = "epoch"    // the log the client knew is gone: lost, expired, or never this one
	Purged   Reason = "purged"   // the log was deleted
)

// A Gap says what a reader of a channel is not given: everything behind From up to To,
// where it goes on. To counts even if its offset is lower than From's.
type Gap struct {
	Channel Channel
	Reason  Reason
	From    Position
	To      Position
}

// A LogView is what a broker knows of a log when a reader comes back to it, taken in one
// step. Front and End may be equal: nothing is kept.
type LogView struct {
	Front Position // in front of the oldest message kept
	End   Position // of the newest message ever appended

	// Dropped is the reason for what is missing in front of the oldest message kept:
	// Overflow when retention would still keep the newest of it, else Trimmed.
	Dropped Reason

	// DigestAt returns the digest at an offset from Front to End.
	DigestAt func(offset uint64) Digest

	// Fork returns the newest position that both the log and a reader who stands at p
	// have seen, if the broker knows. nil: it never does.
	Fork func(p Position) (Position, bool)
}

// Resume decides where a reader who shows p goes on in a log, and whether it missed
// something on the way. It is the table under "Resuming" of docs/protocol.md; every
// broker calls it, so that the answers are the same.
func Resume(c Channel, log LogView, p Position) (from Position, gap *Gap) {
	at := func(offset uint64) Position {
		return Position{Epoch: log.End.Epoch, Offset: offset, Digest: log.DigestAt(offset)}
	}
	missed := func(reason Reason, to Position) (Position, *Gap) {
		return to, &Gap{Channel: c, Reason: reason, From: p, To: to}
	}
	switch {
	case p.IsZero():
		return log.Front, nil
	case log.End.Epoch.PurgedFrom(p.Epoch):
		return missed(Purged, log.Front)
	case p.Epoch != log.End.Epoch:
		return missed(Replaced, log.Front)
	case p.Offset < log.Front.Offset:
		return missed(log.Dropped, log.Front)
	case p.Offset <= log.End.Offset && p.Digest == log.DigestAt(p.Offset):
		return p, nil
	}
	if log.Fork != nil {
		if fork, known := log.Fork(p); known && fork.Offset >= log.Front.Offset {
			return missed(Rollback, fork)
		}
	}
	return missed(Rollback, at(min(p.Offset, log.End.Offset)))
}
