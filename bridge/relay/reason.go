package relay

import (
	"errors"
	"fmt"
)

// A State is how far a stream has come.
type State uint8

const (
	Running State = iota
	Complete
	Broken // cut: its end never came
)

// A Reason is why a consumer does not get the rest of a stream. Its text is what clients are
// told.
type Reason string

const (
	BySender    Reason = "sender"      // the sender broke off, or was cut
	TooSlow     Reason = "too_slow"    // this consumer stood still, or held up others
	Gone        Reason = "gone"        // what it asked for has left the window
	Unavailable Reason = "unavailable" // the stream's instance or the broker was lost
)

// A CutError ends a consumer before it has the whole stream.
type CutError struct {
	Reason Reason
	Start  int64 // Gone: where the window begins, as far as that is known
}

func (e *CutError) Error() string { return fmt.Sprintf("the stream was cut: %s", e.Reason) }

var (
	// ErrUnknown: there is no such stream, or no more.
	ErrUnknown = errors.New("there is no such stream, or no more")

	// ErrBeyond: the stream has not come as far as a consumer says it has it.
	ErrBeyond = errors.New("the stream has not come that far")

	// ErrFull: as many streams are sent, consumed or kept here as may be.
	ErrFull = errors.New("the instance relays as many streams as it may")

	// ErrTooMany: the sender sends as many streams as it may.
	ErrTooMany = errors.New("as many streams are being sent as one may send at once")

	// ErrClosed: the relay takes no streams any more.
	ErrClosed = errors.New("the relay is closed")
)
