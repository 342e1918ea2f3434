package transport

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// Ends of connections that are nobody's refusal (RFC 6455, section 7.4.1).
const (
	closeNormal   wire.CloseCode = 1000
	closeAbnormal wire.CloseCode = 1006 // the line broke
	closeInternal wire.CloseCode = 1011
)

// slowRetry is when a client that was too slow may come back: not before its queue would
// have been empty again.
const slowRetry = time.Second

// An ending is why the server ends a connection.
type ending struct {
	code  wire.CloseCode
	retry time.Duration // when to come back; 0: at once, or as the code says
}

// endingOf returns how a client ends whose bridge client was stopped.
func endingOf(cause error) ending {
	if errors.Is(cause, bridge.ErrTooSlow) {
		return ending{wire.CloseTooSlow, slowRetry}
	}
	return ending{wire.CloseRestart, jitter(time.Second)}
}

// closeCode returns the code with which a WebSocket is closed that could not be let in.
func closeCode(p problem.Problem) wire.CloseCode {
	switch p.Code {
	case problem.TokenExpired:
		return wire.CloseTokenExpired
	case problem.Unauthorized, problem.TokenInvalid:
		return wire.CloseUnauthorized
	case problem.Forbidden, problem.Origin:
		return wire.CloseForbidden
	case problem.Unavailable, problem.OutcomeUnknown, problem.Starting:
		return wire.CloseUnavailable
	case problem.OverCapacity:
		return wire.CloseOverCapacity
	case problem.RateLimited:
		return wire.CloseRateLimited
	case problem.Draining:
		return wire.CloseRestart
	case problem.Internal:
		return closeInternal
	}
	return wire.CloseBadRequest
}

// refusal returns what to tell a client of an error of the bridge or of this package.
func refusal(err error) problem.Problem {
	switch {
	case errors.Is(err, ErrTokenExpired):
		return problem.New(problem.TokenExpired, "")
	case errors.Is(err, ErrTokenInvalid):
		return problem.New(problem.TokenInvalid, "")
	case errors.Is(err, bridge.ErrTooSlow), errors.Is(err, bridge.ErrLeft):
		// The client was stopped meanwhile: what it is told elsewhere says why.
		return problem.New(problem.Unavailable, "")
	case errors.Is(err, bridge.ErrTooMany):
		return problem.New(problem.Limit, "%v", err)
	case errors.Is(err, bridge.ErrSubscribed):
		return problem.New(problem.BadRequest, "%v", err)
	}
	return problem.FromError(err)
}

// subscribeRefusal is refusal for what only asks: nothing can have been stored.
func subscribeRefusal(err error) problem.Problem {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return problem.New(problem.Unavailable, "")
	}
	return refusal(err)
}

// jitter spreads those who come back over a time.
func jitter(d time.Duration) time.Duration {
	const least = 100 * time.Millisecond
	if d <= least {
		return least
	}
	return least + rand.N(d-least)
}
