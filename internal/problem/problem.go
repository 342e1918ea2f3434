// Package problem is how wsbridge says no: RFC 9457 problem details, each with a code out
// of one closed table that is stable for clients.
//
//	problem.Write(w, problem.New(problem.BadRequest, "limit must be 1 or more"))
//	problem.Write(w, problem.FromError(err))
//
// The error events of a WebSocket carry the code and the detail of the same Problem. The
// package starts nothing and blocks on nothing but the ResponseWriter.
//
// What a Problem says goes to whoever asked. [FromError] therefore passes on only texts
// that were written for clients, and hides what it does not know.
package problem

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/wsbridge/wsbridge/internal/requestid"
	"github.com/wsbridge/wsbridge/pubsub"
)

// ContentType is the media type of a problem (RFC 9457, section 3).
const ContentType = "application/problem+json"

// typePrefix and a code make the URI of a problem's type, where people read about it.
const typePrefix = "https://github.com/wsbridge/wsbridge/blob/main/docs/protocol.md#"

// A Problem is one refusal. Make it with [New]; the zero Problem is none.
type Problem struct {
	Code       Code
	Status     int            // of HTTP
	Title      string         // the same for each Problem of the code
	Detail     string         // what is wrong this time, and what to do
	Channel    pubsub.Channel // which channel it is about, if one
	RetryAfter time.Duration  // how long to wait before trying again; 0 says nothing
}

// New returns the Problem of a code. Without a format the detail is what the code means.
// A code that is not in the table is a mistake of the program, and becomes Internal.
func New(code Code, format string, args ...any) Problem {
	d, ok := defined[code]
	if !ok {
		d = defined[Internal]
	}
	p := Problem{Code: d.Code, Status: d.Status, Title: d.Title, Detail: d.Meaning, RetryAfter: d.RetryAfter}
	if ok && format != "" {
		p.Detail = fmt.Sprintf(format, args...)
	}
	return p
}

// In returns p about channel c.
func (p Problem) In(c pubsub.Channel) Problem {
	p.Channel = c
	return p
}

// After returns p with another time to wait.
func (p Problem) After(d time.Duration) Problem {
	p.RetryAfter = d
	return p
}

func (p Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// object is the JSON of a Problem.
type object struct {
	Type      string         `json:"type"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Code      Code           `json:"code"`
	Detail    string         `json:"detail,omitempty"`
	Channel   pubsub.Channel `json:"channel,omitempty"`
	RequestID string         `json:"request_id,omitempty"`
}

func (p Problem) object() object {
	return object{
		Type: typePrefix + string(p.Code), Title: p.Title, Status: p.Status,
		Code: p.Code, Detail: p.Detail, Channel: p.Channel,
	}
}

// MarshalJSON returns the problem details object, for a place within another answer.
func (p Problem) MarshalJSON() ([]byte, error) { return json.Marshal(p.object()) }

// Write answers with p. The id of the request is repeated in the body if it stands in the
// headers of the answer already.
func Write(w http.ResponseWriter, p Problem) {
	o := p.object()
	h := w.Header()
	o.RequestID = h.Get(requestid.Header)

	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(o); err != nil {
		panic(err) // strings and a number
	}
	h.Set("Content-Type", ContentType)
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Del("Content-Encoding")
	h.Del("ETag")
	if p.RetryAfter > 0 {
		// Whole seconds (RFC 9110, section 10.2.3), and never sooner than asked.
		seconds := (p.RetryAfter + time.Second - 1) / time.Second
		h.Set("Retry-After", strconv.FormatInt(int64(seconds), 10))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", challenge(p.Code))
	}
	w.WriteHeader(p.Status)
	w.Write(body.Bytes())
}

// challenge is what a 401 must carry (RFC 9110, section 11.6.1). Only a token that was
// shown is called invalid (RFC 6750, section 3.1).
func challenge(code Code) string {
	if code == TokenInvalid || code == TokenExpired {
		return `Bearer realm="wsbridge", error="invalid_token"`
	}
	return `Bearer realm="wsbridge"`
}
