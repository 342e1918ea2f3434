package transport

import (
	"crypto/rand"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

const (
	maxHTTPChannels = 100      // of a poll or stream
	maxRequestBody  = 64 << 10 // 100 channels with positions, and a token
	bodyTimeout     = 15 * time.Second
)

// An admission is a client that was let in, and what it asked for.
type admission struct {
	identity Identity
	name     string        // what it calls itself, or what it is called
	marks    pubsub.Cursor // its channels in their turns, and where each begins
	wait     time.Duration
	limit    int
}

// admit reads what the client of a poll or stream shows, and lets it in if it may subscribe
// to everything that it asks for.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) (admission, error) {
	if err := checkMethod(w, r, http.MethodGet, http.MethodPost); err != nil {
		return admission{}, err
	}
	request, err := readRequest(w, r)
	if err != nil {
		return admission{}, err
	}
	id, err := s.authenticate(r, request.Token)
	if err != nil {
		return admission{}, err
	}
	marks := wire.Marks(request.Channels, request.Cursor, id.Channels)
	switch {
	case len(marks) == 0:
		return admission{}, problem.New(problem.BadRequest, "channels is missing, and neither cursor nor token name any")
	case len(marks) > maxHTTPChannels:
		return admission{}, problem.New(problem.TooManyChannels, "%d channels, at most %d are allowed here", len(marks), maxHTTPChannels)
	}
	if err := permitAll(id.principal(), marks); err != nil {
		return admission{}, err
	}
	return admission{id, nameOf(request.Client), inTurns(marks, request.Cursor), request.Wait, request.Limit}, nil
}

// readRequest reads the query and, of a POST, the body, which beats it. Last-Event-ID beats
// both, since it is younger.
func readRequest(w http.ResponseWriter, r *http.Request) (wire.Request, error) {
	request, bad := wire.ParseQuery(r.URL.Query(), maxHTTPChannels)
	if bad != nil {
		return request, bad
	}
	if r.Method == http.MethodPost {
		text, err := readBody(w, r, maxRequestBody)
		if err != nil {
			return request, err
		}
		if len(text) > 0 {
			body, bad := wire.ParseBody(text, maxHTTPChannels)
			if bad != nil {
				return request, bad
			}
			request = merge(request, body)
		}
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		newer, err := pubsub.ParseCursor(id, maxHTTPChannels)
		if err != nil {
			return request, problem.New(problem.BadCursor, "Last-Event-ID: %v", err)
		}
		request.Advance(newer)
	}
	return request, nil
}

// merge lets what a body says beat the query, field by field.
func merge(query, body wire.Request) wire.Request {
	if body.Token == "" {
		body.Token = query.Token
	}
	if body.Client == "" {
		body.Client = query.Client
	}
	if len(body.Channels) == 0 {
		body.Channels = query.Channels
	}
	if len(body.Cursor) == 0 {
		body.Cursor = query.Cursor
	}
	if body.Wait == wire.DefaultWait {
		body.Wait = query.Wait
	}
	if body.Limit == wire.DefaultLimit {
		body.Limit = query.Limit
	}
	return body
}

// readBody reads the JSON body of a POST of at most max bytes. text/plain is what a page can
// send anywhere without a preflight.
func readBody(w http.ResponseWriter, r *http.Request, max int64) ([]byte, error) {
	if r.ContentLength > max {
		return nil, &http.MaxBytesError{Limit: max}
	}
	if t := r.Header.Get("Content-Type"); t != "" {
		switch media, _, _ := mime.ParseMediaType(t); media {
		case "application/json", "text/plain":
		default:
			return nil, problem.New(problem.UnsupportedMediaType, "send JSON as application/json or text/plain")
		}
	}
	control := http.NewResponseController(w)
	// Errors mean that the connection has no deadlines, as in tests, and are no reason to stop.
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, max))
	if err == nil {
		// Of a body that did not arrive, the server would else await the rest before it answers.
		_ = control.SetReadDeadline(time.Time{})
	}
	switch tooLarge := (*http.MaxBytesError)(nil); {
	case err == nil:
		return text, nil
	case errors.As(err, &tooLarge):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem.New(problem.Timeout, "")
	}
	return nil, problem.New(problem.BadRequest, "the body of the request was cut off")
}

// awaitClient lifts what the server allows for reading a request, which would end the wait
// of a poll or stream. It stays for a body that nobody reads, as a GET may have: the server
// reads on behind the answer, and would wait for a sender that stands still.
func awaitClient(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost || r.ContentLength == 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	}
}

// authenticate tells who a request comes from: Authorization beats the other token.
func (s *Server) authenticate(r *http.Request, token string) (Identity, error) {
	if shown, ok := auth.Bearer(r.Header); ok {
		if shown == "" {
			return Identity{}, ErrTokenInvalid
		}
		token = shown
	}
	return s.verify(token)
}

// verify tells whose token it is. An identity that has expired is nobody's.
func (s *Server) verify(token string) (Identity, error) {
	id, err := s.options.Authenticate(token)
	if err == nil && !id.Expires.IsZero() && !time.Now().Before(id.Expires) {
		err = ErrTokenExpired
	}
	return id, err
}

// permitAll refuses a client that may not subscribe to one of the channels, and names it.
func permitAll(who principal, marks pubsub.Cursor) error {
	for _, m := range marks {
		if err := permit(who, Subscribe, m.Channel); err != nil {
			return err
		}
	}
	return nil
}

// permit refuses what a client may not do. An anonymous one is asked for a token, which
// could change that.
func permit(who principal, op Operation, c pubsub.Channel) error {
	switch {
	case who.may(op, c):
		return nil
	case who.user == "":
		return problem.New(problem.Unauthorized, "without a token the client may not %s %s", op, c).In(c)
	}
	return problem.New(problem.Forbidden, "the token does not permit to %s %s", op, c).In(c)
}

// nameOf returns what a client calls itself, or a new name.
func nameOf(name string) string {
	if name == "" {
		return rand.Text()
	}
	return strings.Clone(name) // the request that it is part of goes
}
