package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/internal/requestid"
)

// answer writes v as the whole answer.
func (s *server) answer(w http.ResponseWriter, r *http.Request, status int, v any) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		s.fail(w, r, err)
		return
	}
	write(w, status, body.Bytes())
}

// write answers with JSON, complete, so that it passes proxies that buffer and keeps the
// connection alive.
func write(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"], h["Cache-Control"], h["X-Content-Type-Options"] = isJSON, notStored, notSniffed
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// What stands in the head of many answers, and is never changed in place.
var isJSON, notStored, notSniffed = []string{"application/json"}, []string{"no-store"}, []string{"nosniff"}

// fail answers with what err means.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	problem.Write(w, s.explain(w, r, err))
}

// explain returns what err means to a backend, and logs it when it means nothing.
func (s *server) explain(w http.ResponseWriter, r *http.Request, err error) problem.Problem {
	p := problem.FromError(err)
	if p.Code == problem.Internal {
		s.Logger.LogAttrs(r.Context(), slog.LevelError, "a request failed",
			slog.Any("error", err), slog.String("request_id", w.Header().Get(requestid.Header)))
	}
	return p
}
