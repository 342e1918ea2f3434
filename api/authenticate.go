package api

import (
	"net/http"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/problem"
)

// authenticate lets requests through that show an API key. Tokens of clients are none.
func (s *server) authenticate(next http.Handler) http.Handler {
	if s.Anyone {
		// Without keys any web page that is open on this machine could ask as well.
		return s.Transport.CheckOrigin(next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, shown := auth.Bearer(r.Header)
		switch {
		case !shown:
			problem.Write(w, problem.New(problem.Unauthorized, "show an API key: Authorization: Bearer API-KEY"))
		case !s.Keys(key):
			problem.Write(w, problem.New(problem.Unauthorized, "the API key is not one of this server"))
		default:
			next.ServeHTTP(w, r)
		}
	})
}
