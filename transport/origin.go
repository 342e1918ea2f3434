package transport

import (
	"net/http"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/problem"
)

// What pages of allowed origins may send and see beyond what needs no permission.
const (
	corsMethods = "GET, POST"
	corsHeaders = "Authorization, Content-Type, Last-Event-ID, Idempotency-Key"
	corsExposed = "X-Request-Id, Retry-After, Location, Content-Disposition, Wsbridge-Stream-Offset"
	corsMaxAge  = "7200" // seconds; no browser keeps it longer
)

// CheckOrigin refuses requests of pages of foreign origins with 403 `origin`, lets pages of
// allowed ones see all answers, errors included (https://fetch.spec.whatwg.org/#http-cors-protocol),
// and answers their preflights. It never allows credentials: cookies mean nothing here. It
// belongs around everything else that answers clients.
func (s *Server) CheckOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		if err := s.checkOrigin(r); err != nil {
			s.refuse(w, "", err)
			return
		}
		s.lastAnswer(w)
		origin := r.Header.Get("Origin")
		if origin == "" {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			h.Set("Access-Control-Expose-Headers", corsExposed)
			next.ServeHTTP(w, r)
			return
		}
		h.Add("Vary", "Access-Control-Request-Method")
		h.Add("Vary", "Access-Control-Request-Headers")
		h.Set("Access-Control-Allow-Methods", corsMethods)
		h.Set("Access-Control-Allow-Headers", corsHeaders)
		h.Set("Access-Control-Max-Age", corsMaxAge)
		w.WriteHeader(http.StatusNoContent)
	})
}

// checkOrigin refuses what comes from a page that may not connect.
func (s *Server) checkOrigin(r *http.Request) error {
	host := s.host(r)
	if s.options.LoopbackOnly && !auth.Loopback(host) {
		return problem.New(problem.Origin, "this server answers loopback hosts only; call it localhost")
	}
	switch origins := r.Header["Origin"]; {
	case len(origins) == 0:
		// No page: browsers send the header with each request whose answer a foreign page could
		// see, and with each handshake of a WebSocket.
		return nil
	case len(origins) == 1 && s.origins.Allows(origins[0], host):
		return nil
	}
	return problem.New(problem.Origin, "")
}
