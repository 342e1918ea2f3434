package api

import (
	"net/http"
	"strconv"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
)

// structuredEvent reads a CloudEvent in structured mode into p
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
func (s *server) structuredEvent(w http.ResponseWriter, r *http.Request, t contentType, p *pubsub.Publication) error {
	if err := t.checkCharset(); err != nil {
		return err
	}
	body, err := readBody(w, r, s.largestEnvelope())
	if err != nil {
		return err
	}
	return parseEvent(p, body, s.MaxMessage)
}

func parseEvent(p *pubsub.Publication, text []byte, maxData int) error {
	var o object
	if err := o.parse(text); err != nil {
		return err
	}
	attributes := make(map[string]string)
	for _, m := range o.members {
		if m.name != "data" && m.name != "data_base64" && m.name != "datacontenttype" && o.has(m.name) {
			attributes[m.name] = o.attribute(m)
		}
	}
	if o.err != nil {
		return o.err
	}
	if err := setAttributes(p, attributes); err != nil {
		return err
	}
	return o.setEventData(p, maxData)
}

// attribute returns a string, a boolean or a whole number of 32 bits as its canonical text.
func (o *object) attribute(m member) string {
	name := m.name
	switch c := m.value[0]; {
	case c == '"':
		return o.text(name)
	case c == 't' || c == 'f':
		return string(m.value)
	case name == "id" || name == "source" || name == "type" || name == "specversion":
		o.fail("the attribute %s of the CloudEvent must be a string", name)
		return ""
	}
	n, err := strconv.ParseInt(string(m.value), 10, 32)
	if err != nil {
		o.fail("the attribute %.40s of the CloudEvent must be a string, a boolean or a whole number of 32 bits", name)
	}
	return strconv.FormatInt(n, 10)
}

// setEventData makes the data of an event the payload of the message that it would be if
// it were published by itself, under its datacontenttype.
func (o *object) setEventData(p *pubsub.Publication, max int) error {
	var t contentType
	if header := o.text("datacontenttype"); header != "" {
		var err error
		if t, err = newContentType(header); err != nil {
			return problem.New(problem.BadRequest, "the datacontenttype of the CloudEvent, %.60q, is no media type", header)
		}
	}
	data, given := o.json("data", max)
	switch binary := o.has("data_base64"); {
	case o.err != nil:
		return o.err
	case given && binary:
		return problem.New(problem.BadRequest, "data and data_base64 exclude each other")
	case given:
		p.Data = pubsub.Data{Kind: pubsub.JSON, Bytes: data}
		if t.media != "" && t.media != typeJSON && t.media != typeText {
			t.keepIn(p)
		}
	case binary:
		body := o.base64("data_base64", max)
		switch {
		case o.err != nil:
			return o.err
		case t.media == "":
			p.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: body}
		default:
			return t.setPayload(p, body)
		}
	}
	return o.err
}
