package api

import (
	"net/http"

	"github.com/wsbridge/wsbridge/internal/problem"
)

// A health is the answer of /healthz and /readyz.
type health struct {
	Status string `json:"status"`
}

// healthy answers as long as the process serves. It depends on nothing else, or a broker
// that is away would have all instances restarted.
func (s *server) healthy(w http.ResponseWriter, r *http.Request) {
	s.answer(w, r, http.StatusOK, health{"ok"})
}

// ready tells whether requests should be sent here.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	ready, status := s.Ready()
	if ready {
		s.answer(w, r, http.StatusOK, health{status})
		return
	}
	code := problem.Code(status)
	if code != problem.Starting && code != problem.Draining {
		code = problem.Unavailable
	}
	problem.Write(w, problem.New(code, ""))
}
