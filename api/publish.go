package api

import (
	"net/http"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// publishToChannel serves POST /v1/channels/{channel}/messages.
func (s *server) publishToChannel(w http.ResponseWriter, r *http.Request) {
	c, err := channelOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.publish(w, r, c)
}

func (s *server) publish(w http.ResponseWriter, r *http.Request, c pubsub.Channel) {
	p, err := s.publication(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	p.Channel = c
	receipt, err := s.Bridge.Publish(r.Context(), p)
	if err != nil {
		refused := s.explain(w, r, err).In(c)
		s.OnPublish(string(refused.Code))
		problem.Write(w, refused)
		return
	}
	status, result := http.StatusCreated, "stored"
	if receipt.Duplicate {
		status, result = http.StatusOK, "duplicate"
	}
	s.OnPublish(result)
	write(w, status, append(wire.AppendReceipt(make([]byte, 0, 192), receipt), '\n'))
}

// publication reads a message from a request: its body is the payload or a CloudEvent, and
// the rest stands in the query and the headers. The channel is still missing.
func (s *server) publication(w http.ResponseWriter, r *http.Request) (p pubsub.Publication, err error) {
	q, err := query(r, "event", "durability")
	if err != nil {
		return p, err
	}
	p.Event = q.Get("event")
	if p.Replicated, err = replicated(q); err != nil {
		return p, err
	}
	if p.Key, err = keyOf(r.Header); err != nil {
		return p, err
	}
	p.Meta = metaOf(r.Header)

	t, err := parseContentType(r.Header)
	if err != nil {
		return p, err
	}
	if err = t.checkPublishable(); err != nil {
		return p, err
	}
	if t.media == typeEvent {
		return p, s.structuredEvent(w, r, t, &p)
	}
	if isBinaryEvent(r.Header) {
		if err = binaryEvent(r.Header, &p); err != nil {
			return p, err
		}
	}
	body, err := readBody(w, r, int64(s.MaxMessage))
	if err != nil {
		return p, err
	}
	return p, t.setPayload(&p, body)
}
