package api

import (
	"errors"
	"net/http"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
)

// purge serves DELETE /v1/channels/{channel}/messages.
func (s *server) purge(w http.ResponseWriter, r *http.Request) {
	c, err := channelOf(r)
	if err == nil {
		_, err = query(r)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	pos, err := s.Bridge.Purge(r.Context(), c)
	if err != nil {
		p := s.explain(w, r, err).In(c)
		switch {
		case errors.Is(err, pubsub.ErrUnavailable):
			p.Detail = "the broker cannot be reached; nothing was purged"
		case p.Code == problem.OutcomeUnknown:
			p.Detail = "the broker did not answer, so the log may be purged; purging again does no harm"
		}
		problem.Write(w, p)
		return
	}
	s.answer(w, r, http.StatusOK, struct {
		Channel pubsub.Channel `json:"channel"`
		Pos     string         `json:"pos"`
	}{c, pos.String()})
}
