package api

import (
	"strings"
	"unicode/utf8"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

const whatToSend = "send JSON (Content-Type: application/json), text (text/plain), a CloudEvent, or bytes of any other type, such as application/octet-stream"

// checkPublishable refuses what nobody means to publish: forms, which tools send unless
// told otherwise, and several events at once.
func (t contentType) checkPublishable() error {
	switch {
	case t.media == "application/x-www-form-urlencoded", strings.HasPrefix(t.media, "multipart/"):
		return problem.New(problem.UnsupportedMediaType, "a form (%s) is not published; %s", t.media, whatToSend)
	case t.media == typeEventBatch:
		return problem.New(problem.UnsupportedMediaType, "a batch of CloudEvents is not taken; send each as %s, or a batch of messages to POST /v1/messages", typeEvent)
	case strings.HasPrefix(t.media, "application/cloudevents") && t.media != typeEvent:
		return problem.New(problem.UnsupportedMediaType, "of the formats of CloudEvents only %s is taken", typeEvent)
	}
	return nil
}

// setPayload makes body the data of p in the way that its type asks for: JSON stays JSON,
// text becomes a JSON string, everything else stays bytes, with the type in meta. It may
// write over body.
func (t contentType) setPayload(p *pubsub.Publication, body []byte) error {
	switch t.media {
	case "":
		// An event without data has no type either.
		if len(body) > 0 || p.Event == "" {
			return problem.New(problem.UnsupportedMediaType, "the Content-Type is missing; %s", whatToSend)
		}
	case typeJSON:
		if err := t.checkCharset(); err != nil {
			return err
		}
		compact, err := wire.AppendCompact(body[:0], body, wire.MaxDepth)
		if err != nil {
			return err
		}
		p.Data = pubsub.Data{Kind: pubsub.JSON, Bytes: compact}
	case typeText:
		if err := t.checkCharset(); err != nil {
			return err
		}
		if !utf8.Valid(body) {
			return problem.New(problem.BadRequest, "the text is not UTF-8")
		}
		quoted := wire.AppendString(make([]byte, 0, len(body)+2), string(body))
		p.Data = pubsub.Data{Kind: pubsub.JSON, Bytes: quoted}
	default:
		p.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: body}
		t.keepIn(p)
	}
	return nil
}

// keepIn notes in meta what the bytes are.
func (t contentType) keepIn(p *pubsub.Publication) { setMeta(p, "content-type", t.header) }

func setMeta(p *pubsub.Publication, name, value string) {
	if p.Meta == nil {
		p.Meta = make(map[string]string)
	}
	p.Meta[name] = value
}
