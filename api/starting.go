package api

import (
	"net/http"

	"github.com/wsbridge/wsbridge/internal/problem"
)

// refuseStarting refuses what needs the bridge until that has started. Nobody is kept
// waiting: whoever comes through a load balancer finds an instance that is ready sooner.
func (s *server) refuseStarting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Starting() {
			problem.Write(w, problem.New(problem.Starting, ""))
			return
		}
		next.ServeHTTP(w, r)
	})
}
