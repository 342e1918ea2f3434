package problem

import (
	"context"
	"errors"
	"net/http"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// sentinels maps the errors of package pubsub. The text of those that tell what is wrong
// with a client's input is passed on; that of the others may name hosts of the broker.
var sentinels = [...]struct {
	err  error
	code Code
	tell bool
}{
	// A cursor's error wraps that of its channel or position as well.
	{pubsub.ErrCursor, BadCursor, true},
	{pubsub.ErrChannel, BadChannel, true},
	{pubsub.ErrPosition, BadPosition, true},
	{pubsub.ErrMessage, BadMessage, true},
	{pubsub.ErrKeyReused, KeyReused, false},
	{pubsub.ErrNotTried, NotTried, false},
	{pubsub.ErrNotReplicated, NotReplicated, false},
	{pubsub.ErrOutcomeUnknown, OutcomeUnknown, false},
	{pubsub.ErrUnavailable, Unavailable, false},
	{pubsub.ErrClosed, Draining, false},
	// Whoever gave up waiting does not know what became of a publish.
	{context.DeadlineExceeded, OutcomeUnknown, false},
	{context.Canceled, OutcomeUnknown, false},
}

// FromError returns what to tell a client of err: err itself if it is or wraps a Problem,
// what a known error means, or Internal, which says nothing of err. Log err where it is
// Internal.
func FromError(err error) Problem {
	var p Problem
	if errors.As(err, &p) {
		return p
	}
	if command := (*wire.CommandError)(nil); errors.As(err, &command) {
		return New(Code(command.Code), "%s", command.Detail)
	}
	if syntax := (*wire.SyntaxError)(nil); errors.As(err, &syntax) {
		return New(BadJSON, "%s", syntax.Error())
	}
	if size := (*http.MaxBytesError)(nil); errors.As(err, &size) {
		return New(TooLarge, "the body of the request has more than %d bytes", size.Limit)
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			if s.tell {
				return New(s.code, "%s", err.Error())
			}
			return New(s.code, "")
		}
	}
	return New(Internal, "")
}
