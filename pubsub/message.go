package pubsub

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Limits of what stands beside a message's payload. The limit of the payload itself is
// set where it is decoded, before it is held whole.
const (
	MaxEvent       = 200  // bytes of an event's name
	MaxMetaEntries = 16   // strings in meta
	MaxMetaBytes   = 4096 // bytes of meta's names and values together
	MaxKey         = 255  // visible ASCII characters of an idempotency key
)

// A Kind tells how a payload travels.
type Kind uint8

const (
	NoData Kind = iota // the message has an event only
	JSON               // Bytes is one JSON value, compact (RFC 8259)
	Binary             // Bytes is anything
)

// Data is the payload of a message.
type Data struct {
	Kind  Kind
	Bytes []byte // never changed once the message was published
}

// A Sender is who published a message, when a client did.
type Sender struct {
	User   string // the token's sub; empty when anonymous
	Client string
}

// A Message is one publication in a channel's log. It is immutable and shared by
// everyone who reads it.
type Message struct {
	Channel Channel
	ID      uuid.UUID // version 7
	Pos     Position
	Event   string
	Data    Data
	Time    time.Time // by the broker's clock, UTC, in whole milliseconds
	From    *Sender   // nil when a backend published it
	Meta    map[string]string
	Stream  *Stream // the beginning or the end of a stream; nil: of none
}

// messageOverhead is what a message without payload costs its log, in bytes: the struct,
// its place in the log and what the allocator rounds up.
const messageOverhead = 256

// Size is what the message costs the log that keeps it, in bytes: what retention by bytes
// and the bounds on memory count.
func (m *Message) Size() int {
	n := messageOverhead + len(m.Event) + len(m.Data.Bytes)
	if m.From != nil {
		n += len(m.From.User) + len(m.From.Client)
	}
	for k, v := range m.Meta {
		n += len(k) + len(v)
	}
	if m.Stream != nil {
		n += streamOverhead + len(m.Stream.Name) + len(m.Stream.Type)
	}
	return n
}

// A Publication is a message on its way into a log.
type Publication struct {
	Channel Channel
	ID      uuid.UUID // chosen by the publisher's instance (version 7), a new one for each publication
	Event   string
	Data    Data
	From    *Sender
	Meta    map[string]string
	Stream  *Stream

	// Key makes repeats publish once (the idempotency window is [IdempotencyWindow]).
	// It holds the scope as well, so that keys of different users do not meet. Empty: none.
	Key string

	// Replicated asks to wait until a replica has the message, see [ErrNotReplicated].
	Replicated bool
}

// IdempotencyWindow is how long a broker knows an idempotency key.
const IdempotencyWindow = 5 * time.Minute

// ErrMessage says that a publication breaks a limit. The wrapped text tells which.
var ErrMessage = errors.New("bad message")

// Check holds the publication against the limits of everything but the payload's size.
func (p *Publication) Check() error {
	switch {
	case p.Data.Kind == NoData && p.Event == "" && p.Stream == nil:
		return fmt.Errorf("%w: it has neither event nor data", ErrMessage)
	case len(p.Event) > MaxEvent:
		return fmt.Errorf("%w: the event's name has %d bytes, at most %d are allowed", ErrMessage, len(p.Event), MaxEvent)
	case !utf8.ValidString(p.Event):
		return fmt.Errorf("%w: the event's name is not UTF-8", ErrMessage)
	case len(p.Meta) > MaxMetaEntries:
		return fmt.Errorf("%w: meta has %d entries, at most %d are allowed", ErrMessage, len(p.Meta), MaxMetaEntries)
	}
	if p.Stream != nil {
		if err := p.Stream.Check(); err != nil {
			return err
		}
	}
	size := 0
	for k, v := range p.Meta {
		size += len(k) + len(v)
		if k == "" || !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fmt.Errorf("%w: meta has an empty name or one that is not UTF-8", ErrMessage)
		}
	}
	if size > MaxMetaBytes {
		return fmt.Errorf("%w: meta has %d bytes, at most %d are allowed", ErrMessage, size, MaxMetaBytes)
	}
	return nil
}

// CheckKey holds an idempotency key from outside against its limits.
func CheckKey(key string) error {
	if key == "" || len(key) > MaxKey {
		return fmt.Errorf("%w: an idempotency key has 1 to %d characters, this one %d", ErrMessage, MaxKey, len(key))
	}
	for i := 0; i < len(key); i++ {
		if key[i] < 0x21 || key[i] > 0x7e {
			return fmt.Errorf("%w: an idempotency key is visible ASCII; character %d is not", ErrMessage, i+1)
		}
	}
	return nil
}
