package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

const (
	// historyBytes is where an answer ends that would become longer, by Message.Size: what
	// the default retention keeps goes into one.
	historyBytes = 8 << 20

	// readTimeout is how long the broker may take to answer a question.
	readTimeout = 5 * time.Second
)

// readHistory serves GET /v1/channels/{channel}/messages: messages behind a position, in
// front of one, or the newest; oldest first.
func (s *server) readHistory(w http.ResponseWriter, r *http.Request) {
	c, err := channelOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	page, err := s.page(r, c)
	if err != nil {
		s.failRead(w, r, err)
		return
	}
	var gaps []pubsub.Gap
	if page.Gap != nil {
		gaps = append(gaps, *page.Gap)
	}
	body, object := wire.BeginAnswer(nil), []byte(nil)
	for _, m := range page.Messages {
		object = wire.AppendMessage(object[:0], m)
		body = wire.AppendAnswerMessage(body, object)
	}
	body = wire.EndHistory(body, gaps, pubsub.Cursor{{Channel: c, Start: pubsub.Behind(page.Last())}})
	write(w, http.StatusOK, withMore(body, page.More))
}

// withMore adds to an answer whether there is more in the direction in which it was read,
// since it may have ended at a number of bytes.
func withMore(object []byte, more bool) []byte {
	object = object[:len(object)-1]
	if more {
		return append(object, `,"more":true}`...)
	}
	return append(object, `,"more":false}`...)
}

// page reads what the query asks for.
func (s *server) page(r *http.Request, c pubsub.Channel) (page pubsub.Page, err error) {
	q, err := query(r, "since", "before", "limit")
	if err != nil {
		return page, err
	}
	n, err := limit(q)
	if err != nil {
		return page, err
	}
	since, forward, err := position(q, "since")
	if err != nil {
		return page, err
	}
	before, err := beforeOf(q)
	if err != nil {
		return page, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	atMost := pubsub.Limit{Messages: n, Bytes: historyBytes}
	if forward {
		return s.Bridge.Read(ctx, c, since, atMost)
	}
	return s.Bridge.ReadBack(ctx, c, before, atMost)
}

func beforeOf(q url.Values) (pubsub.Position, error) {
	before, given, err := position(q, "before")
	switch {
	case err != nil:
		return before, err
	case given && q.Has("since"):
		return before, problem.New(problem.BadRequest, "since and before exclude each other")
	case given && before.IsZero():
		return before, problem.New(problem.BadPosition, "before: nothing stands in front of 0; leave it away for the newest messages")
	}
	return before, nil
}

// failRead answers for a broker that was asked and not told anything.
func (s *server) failRead(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, pubsub.ErrOutcomeUnknown) {
		err = pubsub.ErrUnavailable
	}
	if errors.Is(err, pubsub.ErrUnavailable) {
		err = problem.New(problem.Unavailable, "the broker cannot be reached")
	}
	s.fail(w, r, err)
}
