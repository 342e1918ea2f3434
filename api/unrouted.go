package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/wsbridge/wsbridge/internal/problem"
)

// routeEscaped lets the router see paths as they were sent, so that an escaped slash
// separates nothing and every parameter is still to be unescaped, once.
func routeEscaped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chi.RouteContext(r.Context()).RoutePath = r.URL.EscapedPath()
		next.ServeHTTP(w, r)
	})
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	problem.Write(w, problem.New(problem.NotFound, "there is nothing at this path; /v1/openapi.json tells what there is"))
}

func (s *server) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	allowed := s.allowed(r)
	if len(allowed) == 0 {
		// A method that the router never heard of, at a path that is not there either.
		s.notFound(w, r)
		return
	}
	var refuse http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		problem.Write(w, problem.New(problem.MethodNotAllowed, "this path takes %s", strings.Join(allowed, ", ")))
	})
	if slices.Contains(clientPaths, r.URL.EscapedPath()) {
		// So that a page can read why it was refused.
		refuse = s.Transport.CheckOrigin(refuse)
	}
	refuse.ServeHTTP(w, r)
}

// options answers OPTIONS where it is not a preflight of a browser.
func (s *server) options(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", strings.Join(s.allowed(r), ", "))
	w.WriteHeader(http.StatusNoContent)
}

// allowed lists the methods of the request's path.
func (s *server) allowed(r *http.Request) []string {
	var methods []string
	for _, m := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodPatch, http.MethodDelete, http.MethodOptions,
	} {
		if s.router.Match(chi.NewRouteContext(), m, r.URL.EscapedPath()) {
			methods = append(methods, m)
		}
	}
	return methods
}
