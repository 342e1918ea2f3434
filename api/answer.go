package api

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/wsbridge/wsbridge/internal/problem"
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
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(body)
}

// fail answers with what err means.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	problem.Write(w, s.explain(w, r, err))
}

// explain returns what err means to a backend, and logs it when it means nothing.
func (s *server) explain(w http.ResponseWriter, r *http.Request, err error) problem.Problem {
	p := problem.FromError(err)
	if p.Code == problem.Internal {
		s.Logger.LogAttrs(r.Context(), slog.LevelError, "a request failed",
			slog.Any("error", err), slog.String("request_id", w.Header().Get(requestIDHeader)))
	}
	return p
}
