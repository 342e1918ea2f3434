package api

import (
	"mime"
	"net/http"
	"strings"

	"github.com/wsbridge/wsbridge/internal/problem"
)

// Media types that mean something here.
const (
	typeJSON       = "application/json"
	typeText       = "text/plain"
	typeEvent      = "application/cloudevents+json"
	typeEventBatch = "application/cloudevents-batch+json"
)

// A contentType says what a body is.
type contentType struct {
	header string // as it was sent; "" if nothing was
	media  string // in lower case
	params map[string]string
}

// parseContentType reads the Content-Type of a request. None is no error.
func parseContentType(h http.Header) (contentType, error) {
	switch values := h.Values("Content-Type"); {
	case len(values) == 0 || values[0] == "":
		return contentType{}, nil
	case len(values) > 1:
		return contentType{}, problem.New(problem.UnsupportedMediaType, "there are %d Content-Types", len(values))
	default:
		return newContentType(values[0])
	}
}

func newContentType(header string) (contentType, error) {
	media, params, err := mime.ParseMediaType(header)
	if err != nil || !strings.Contains(media, "/") {
		return contentType{}, problem.New(problem.UnsupportedMediaType, "%.60q is no media type", header)
	}
	return contentType{header, media, params}, nil
}

// checkCharset refuses texts in other encodings than UTF-8, in which all JSON is.
func (t contentType) checkCharset() error {
	charset, given := t.params["charset"]
	if given && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "utf8") {
		return problem.New(problem.UnsupportedMediaType, "%s is taken in UTF-8, not in %.40s", t.media, charset)
	}
	return nil
}

// requireJSON refuses bodies of any other type.
func requireJSON(h http.Header) error {
	t, err := parseContentType(h)
	switch {
	case err != nil:
		return err
	case t.media != typeJSON:
		return problem.New(problem.UnsupportedMediaType, "send JSON, with Content-Type: application/json (curl --json does that)")
	}
	return t.checkCharset()
}
