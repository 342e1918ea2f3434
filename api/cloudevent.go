package api

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
)

// What a CloudEvent must have besides specversion
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md#required-attributes).
var requiredAttributes = []string{"id", "source", "type"}

// canonicalAttribute is how net/http writes the beginning of a header that carries an
// attribute of a CloudEvent in binary mode.
const canonicalAttribute = "Ce-"

// isBinaryEvent reports whether a request is a CloudEvent in binary mode, or means to be.
func isBinaryEvent(h http.Header) bool {
	return h["Ce-Specversion"] != nil || h["Ce-Id"] != nil || h["Ce-Source"] != nil || h["Ce-Type"] != nil
}

// binaryEvent moves the attributes of an event in binary mode into p
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#31-binary-content-mode).
func binaryEvent(h http.Header, p *pubsub.Publication) error {
	attributes := make(map[string]string)
	for header, values := range h {
		name, ok := strings.CutPrefix(header, canonicalAttribute)
		if !ok {
			continue
		}
		if len(values) > 1 {
			return problem.New(problem.BadRequest, "there are %d headers ce-%s", len(values), strings.ToLower(name))
		}
		value := unescapeAttribute(values[0])
		if !utf8.ValidString(value) {
			return problem.New(problem.BadRequest, "the attribute %s of the CloudEvent is not UTF-8", strings.ToLower(name))
		}
		attributes[strings.ToLower(name)] = value
	}
	return setAttributes(p, attributes)
}

// unescapeAttribute undoes the quotes and the percent-encoding that carry any text through
// a header. A percent sign that encodes nothing stands for itself.
func unescapeAttribute(s string) string {
	s = unquoteHeader(s)
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// setAttributes gives the attributes of an event their places in a message: its type is
// the event, its source and id are the idempotency key, unless the request itself has said
// otherwise, and the others stand in meta.
func setAttributes(p *pubsub.Publication, attributes map[string]string) error {
	switch version := attributes["specversion"]; version {
	case "1.0":
	case "":
		return problem.New(problem.BadRequest, "the CloudEvent lacks the attribute specversion, which must be 1.0")
	default:
		return problem.New(problem.BadRequest, "the CloudEvent has specversion %.40q, only 1.0 is taken", version)
	}
	for _, name := range requiredAttributes {
		if attributes[name] == "" {
			return problem.New(problem.BadRequest, "the CloudEvent lacks the attribute %s", name)
		}
	}
	if t, given := attributes["time"]; given {
		if _, err := time.Parse(time.RFC3339, t); err != nil {
			return problem.New(problem.BadRequest, "the time of the CloudEvent, %.40q, is not written as RFC 3339 says", t)
		}
	}
	for name, value := range attributes {
		if !attributeName(name) {
			return problem.New(problem.BadRequest, "%.40q cannot be an attribute of a CloudEvent, whose names are of a-z 0-9", name)
		}
		if name != "id" && name != "source" && name != "type" {
			setMeta(p, "ce-"+name, value)
		}
	}
	if p.Event == "" {
		p.Event = attributes["type"]
	}
	if p.Key == "" {
		p.Key = eventKey(attributes["source"], attributes["id"])
	}
	return nil
}

// attributeName reports whether an attribute can have the name.
func attributeName(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && s != "data"
}

// eventKey makes an idempotency key of the two attributes that identify an event. They may
// be of any length and letters, so it is their hash; the space keeps it apart from the keys
// that requests show, which have none.
func eventKey(source, id string) string {
	sum := sha256.Sum256([]byte(strconv.Itoa(len(source)) + ":" + source + id))
	return backendScope + "ce " + hex.EncodeToString(sum[:])
}
