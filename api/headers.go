package api

import (
	"net/http"
	"strings"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
)

// backendScope stands before the idempotency keys of backends, so that they do not meet
// those of clients.
const backendScope = "b:"

// keyOf returns the idempotency key of a request, with its scope, or "". It takes the key
// bare and as the string of a structured header.
func keyOf(h http.Header) (string, error) {
	values := h.Values("Idempotency-Key")
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return scopedKey(unquoteHeader(values[0]))
	}
	return "", problem.New(problem.BadRequest, "there are %d Idempotency-Keys", len(values))
}

// scopedKey checks a key from outside.
func scopedKey(key string) (string, error) {
	if err := pubsub.CheckKey(key); err != nil {
		return "", err
	}
	return backendScope + key, nil
}

// unquoteHeader returns what a quoted string of a header stands for
// (https://www.rfc-editor.org/rfc/rfc9651#section-3.3.3), and any other text as it is.
func unquoteHeader(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	if s = s[1 : len(s)-1]; strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// canonicalMeta is how net/http writes the beginning of Wsbridge-Meta-NAME.
const canonicalMeta = "Wsbridge-Meta-"

// metaOf returns the meta that stands in headers; names lose their case on the way.
func metaOf(h http.Header) map[string]string {
	var meta map[string]string
	for header, values := range h {
		if name, ok := strings.CutPrefix(header, canonicalMeta); ok && name != "" {
			if meta == nil {
				meta = make(map[string]string)
			}
			meta[strings.ToLower(name)] = strings.Join(values, ", ")
		}
	}
	return meta
}
