package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
)

// A channelInfo is what is told of a channel.
type channelInfo struct {
	Channel     pubsub.Channel `json:"channel"`
	Pos         string         `json:"pos"`
	Subscribers int            `json:"subscribers"` // over all instances
	Retained    int            `json:"retained"`    // messages kept
}

func infoOf(i pubsub.Info) channelInfo {
	return channelInfo{i.Channel, i.Pos.String(), i.Subscribers, i.Retained}
}

// describeChannel serves GET /v1/channels/{channel}. A channel that nobody used yet has a
// position like any other.
func (s *server) describeChannel(w http.ResponseWriter, r *http.Request) {
	c, err := channelOf(r)
	if err == nil {
		_, err = query(r)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	info, err := s.Bridge.Info(ctx, c)
	if err != nil {
		s.failRead(w, r, err)
		return
	}
	s.answer(w, r, http.StatusOK, infoOf(info))
}

// listChannels serves GET /v1/channels: those that keep a message or have a subscriber.
func (s *server) listChannels(w http.ResponseWriter, r *http.Request) {
	prefix, after, n, err := listing(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	defer cancel()
	// One more than asked for tells whether there is a next page.
	infos, err := s.Bridge.Channels(ctx, prefix, after, n+1)
	if err != nil {
		s.failRead(w, r, err)
		return
	}
	answer := struct {
		Channels []channelInfo  `json:"channels"`
		Next     pubsub.Channel `json:"next"` // after= of the next page; "" behind the last
	}{Channels: []channelInfo{}}
	if len(infos) > n {
		infos = infos[:n]
		answer.Next = infos[n-1].Channel
	}
	for _, i := range infos {
		answer.Channels = append(answer.Channels, infoOf(i))
	}
	s.answer(w, r, http.StatusOK, answer)
}

func listing(r *http.Request) (prefix string, after pubsub.Channel, n int, err error) {
	var q url.Values
	if q, err = query(r, "prefix", "after", "limit"); err != nil {
		return
	}
	if n, err = limit(q); err != nil {
		return
	}
	if prefix = q.Get("prefix"); prefix != "" && prefix != "." && prefix != ".." {
		// What no name begins with is a mistake, and not a question with an empty answer.
		if _, err = pubsub.ParseChannel(prefix); err != nil {
			err = problem.New(problem.BadChannel, "prefix: %v", err)
			return
		}
	}
	if name := q.Get("after"); name != "" {
		if after, err = pubsub.ParseChannel(name); err != nil {
			err = problem.New(problem.BadChannel, "after: %v", err)
		}
	}
	return
}
