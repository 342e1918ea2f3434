package pubsub

import (
	"context"
	"errors"
	"time"
)

// A Broker keeps the logs of all channels and announces what is appended to them. All
// methods may be called at once from any goroutine, except Start, which comes before the
// others, and Close, which is called once. Messages that pass through it are shared: neither
// side changes them.
//
// Errors are, or wrap, one of the sentinels below, the context's error, or [ErrClosed].
// A broker retries inside only what cannot append twice; callers retry publishes with
// the same ID and Key.
type Broker interface {
	// Start hands over the receiver of announcements. It is called before anything else
	// and returns when the broker can be used, or with the reason why it cannot. Where that
	// is ErrUnavailable, Start may be called again; any other is one that waiting does not
	// mend. Close may follow a Start that failed.
	Start(ctx context.Context, r Receiver) error

	// Publish appends p to its channel's log and announces it. When it returns without
	// error, the message is in the log (and replicated, if asked; the receipt also comes
	// with ErrNotReplicated). A repeat of p.Key within the window returns the first answer
	// with Duplicate set, even if the log was purged in between. It may block on I/O, at
	// most five seconds, and on nothing that a client does.
	Publish(ctx context.Context, p Publication) (Receipt, error)

	// PublishBatch is Publish for each of ps, in order within a channel: after a failure
	// with ErrUnavailable or ErrOutcomeUnknown the later ones of that channel fail with
	// ErrNotTried. The outcomes stand in the order of ps.
	PublishBatch(ctx context.Context, ps []Publication) []Outcome

	// Read returns what stands behind a position, oldest first. A position that the log
	// cannot continue yields a Gap, as [Resume] decides. It may block on I/O. Whoever
	// was given a position by Read or Follow can come back to it within the position's
	// time to live.
	Read(ctx context.Context, c Channel, since Position, limit Limit) (Page, error)

	// ReadBack returns the newest messages in front of a position, oldest first; the zero
	// Position means the end of the log. Page.More tells whether older ones are kept, and
	// Page.From is the position in front of the oldest returned. A position that is not in
	// the log yields a Gap as for Read, and the page ends at the gap's To.
	ReadBack(ctx context.Context, c Channel, before Position, limit Limit) (Page, error)

	// Follow announces the messages of c to the receiver until Unfollow, and returns a
	// position of the log's end: every message behind it is announced, in order, also
	// those that come before Follow returns. While a channel is followed, its position
	// is never forgotten; a broker that has no room for it returns ErrUnavailable. Follow
	// of what is followed already only returns the end. It may block on I/O. Follow and
	// Unfollow of one channel are never called at once.
	Follow(ctx context.Context, c Channel) (end Position, err error)

	// Unfollow ends Follow: the position's time to live begins. A broker may announce a
	// little longer. It does not block.
	Unfollow(c Channel)

	// Line names what announcements of c come over at present: a number of its own for each
	// connection, 0 while there is none. A log that loses its end without announcing it does so
	// between two lines, so what was learned from a log during one of them counts no longer
	// once it has ended. It is asked of what is followed, and does no I/O.
	Line(c Channel) uint64

	// Purge forgets the log of c: a new epoch begins, and whoever follows c gets Break.
	// It returns the new position. Idempotency keys are not forgotten.
	Purge(ctx context.Context, c Channel) (Position, error)

	// Info tells of one channel, over all instances. It is no error if nobody ever used it.
	Info(ctx context.Context, c Channel) (Info, error)

	// Channels lists, in order of their names, the channels that begin with prefix and
	// stand behind after, and that keep a message or have a subscriber: at most limit.
	Channels(ctx context.Context, prefix string, after Channel, limit int) ([]Info, error)

	// Status tells how the broker is, without I/O.
	Status() Status

	// Close ends all goroutines of the broker and waits for them. No announcement comes
	// after it returned. Calls under way may fail with ErrClosed.
	Close() error
}

// A Receiver is told what is appended to the channels that are followed. Its methods do
// not block and do not call the broker. For one channel they are called one after the
// other, for different channels at once.
type Receiver interface {
	// Message is called for each message behind the position that Follow returned, in
	// order of offsets. A receiver that sees a hole reads the log by itself.
	Message(m *Message)

	// Break is called when the log is no longer what was announced so far (it was purged,
	// it went back), or when announcements may have been missed. It is called once what
	// is appended from now on will be announced, so that reading the log afterwards
	// closes the hole. It may come once too often.
	Break(c Channel)

	// Subscribers returns how many subscribers c has on this instance.
	Subscribers(c Channel) int
}

// A Receipt says where a publication stands.
type Receipt struct {
	Message   *Message // of the first publication: when Duplicate, only ID, Channel and Pos are set
	Duplicate bool     // an earlier publication with the same key was answered
}

// An Outcome is what became of one publication of a batch.
type Outcome struct {
	Receipt Receipt
	Err     error
}

// A Limit bounds a page. At least one message is given if there is one, whatever its size.
type Limit struct {
	Messages int // at least 1
	Bytes    int // sum of Message.Size; 0: no bound
}

// A Page is part of a log, read in one step.
type Page struct {
	Gap      *Gap       // what the reader missed in front of the messages, if anything
	From     Position   // where the messages begin: the position shown, or the gap's To
	Messages []*Message // each follows the one before it
	End      Position   // of the newest message of the log, when the page was read
	More     bool       // the log holds more in the direction of reading
}

// Last returns the position behind the page's last message.
func (p *Page) Last() Position {
	if n := len(p.Messages); n > 0 {
		return p.Messages[n-1].Pos
	}
	return p.From
}

// Info tells of one channel.
type Info struct {
	Channel     Channel
	Pos         Position // of the newest message
	Subscribers int      // over all instances
	Retained    int      // messages kept
}

// A State is how well a broker serves.
type State uint8

const (
	Up       State = iota // publishes and announcements work
	Degraded              // announcements are dead; the logs can be read
	Down                  // the logs cannot be reached
)

// A Status is how a broker is, and since when.
type Status struct {
	State State
	Since time.Time
}

var (
	// ErrUnavailable: the broker could not be reached; nothing was stored.
	ErrUnavailable = errors.New("the broker is unavailable")

	// ErrOutcomeUnknown: the broker may or may not have stored the message. Publishing
	// again with the same idempotency key is safe.
	ErrOutcomeUnknown = errors.New("the broker did not answer; the message may be stored")

	// ErrNotReplicated: the message is stored and announced, but no replica confirmed it
	// in time. A repeat with its key waits again.
	ErrNotReplicated = errors.New("no replica confirmed the message in time")

	// ErrNotTried: an earlier message of the channel in the same batch was not stored.
	ErrNotTried = errors.New("not tried, since an earlier message of the channel failed")

	// ErrKeyReused: the idempotency key belongs to a publication with another event or other
	// data. Meta may differ.
	ErrKeyReused = errors.New("the idempotency key was used for other content")

	// ErrClosed: the broker was closed.
	ErrClosed = errors.New("the broker is closed")
)
