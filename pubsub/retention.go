package pubsub

import "time"

// Retention is how much of a log is kept for catching up. A message goes when any of the
// three is exceeded. The zero Retention keeps nothing: positions count on all the same.
type Retention struct {
	Count int           // messages
	Age   time.Duration // since the message was published
	Bytes int64         // sum of [Message.Size]
}

// DefaultRetention is what a namespace has that sets none.
var DefaultRetention = Retention{Count: 10_000, Age: 5 * time.Minute, Bytes: 8 << 20}

// Off reports whether nothing is kept.
func (r Retention) Off() bool { return r.Count <= 0 || r.Age <= 0 || r.Bytes <= 0 }

// DefaultPositionTTL is how long a channel's position outlives its last publish or resume
// while nobody is subscribed.
const DefaultPositionTTL = 24 * time.Hour
