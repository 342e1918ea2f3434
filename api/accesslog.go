package api

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/wsbridge/wsbridge/internal/requestid"
)

// accessLog logs each request when it has ended, at level debug: the pattern of its path
// and not the path, which names users, and never the query, which may hold a token.
func (s *server) accessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.Logger.Enabled(r.Context(), slog.LevelDebug) {
			next.ServeHTTP(w, r)
			return
		}
		start := time.Now()
		watched := watch(w, r)
		defer func() {
			s.Logger.LogAttrs(r.Context(), slog.LevelDebug, "request",
				slog.String("method", r.Method),
				slog.String("route", chi.RouteContext(r.Context()).RoutePattern()),
				slog.Int("status", watched.status),
				slog.Duration("took", time.Since(start)),
				slog.String("request_id", w.Header().Get(requestid.Header)))
		}()
		next.ServeHTTP(watched, r)
	})
}
