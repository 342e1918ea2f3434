package raw

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/wsbridge/wsbridge/transport/wire"
)

// A CloseError says that the server ended a line, and why.
type CloseError struct {
	Code   wire.CloseCode
	Reason string
	Retry  time.Duration // how long to wait before connecting again; 0: nothing was said
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("the server closed the connection: %d %s", uint16(e.Code), e.Reason)
}

// Refused says that the server answered a request with something else than what was asked
// for, or that a proxy did in its place.
type Refused struct {
	Status     int           // of HTTP
	Code       string        // the server's stable code; empty when the answer was not wsbridge's
	Detail     string        // for people
	Channel    string        // what it is about; empty: no single channel
	RetryAfter time.Duration // 0: nothing was said
}

func (e *Refused) Error() string {
	what := fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))
	if e.Code != "" {
		what = fmt.Sprintf("%d %s", e.Status, e.Code)
	}
	if e.Detail != "" {
		what += ": " + e.Detail
	}
	return "the server refused: " + what
}

// Final reports whether asking again is no use. What is not wsbridge's own answer comes
// from something between, which may be gone the next time.
func (e *Refused) Final() bool {
	switch e.Code {
	case "", "timeout", "rate_limited", "internal",
		"over_capacity", "unavailable", "outcome_unknown", "not_replicated", "not_tried", "starting", "draining":
		return false
	}
	return true
}

// A Violation says that the server broke the protocol.
type Violation struct{ Detail string }

func (e *Violation) Error() string { return "the server broke the protocol: " + e.Detail }

func violation(format string, args ...any) error {
	return &Violation{fmt.Sprintf(format, args...)}
}

// ErrBroken says that a line ended, or a request failed, without a word of the server.
var ErrBroken = errors.New("the connection broke")

func broken(err error) error {
	if err == nil || err == io.EOF {
		return ErrBroken
	}
	return fmt.Errorf("%w: %w", ErrBroken, err)
}

// maxProblem bounds what is read of a refusal, in bytes.
const maxProblem = 64 << 10

// refused reads a response that is not what was asked for.
func refused(resp *http.Response) error {
	e := &Refused{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header)}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	// A refused command of /v1/send is an error event, which has the same two members.
	if t := mediaType(resp.Header); t != "application/problem+json" && t != "application/json" || err != nil {
		return e
	}
	var problem struct{ Code, Detail, Channel string }
	if json.Unmarshal(body, &problem) == nil {
		e.Code, e.Detail, e.Channel = problem.Code, problem.Detail, problem.Channel
	}
	return e
}

// retryAfter reads Retry-After in seconds. The form with a date is for pages: nobody
// promised that the clocks agree.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

func mediaType(h http.Header) string {
	t, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return t
}
