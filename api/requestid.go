package api

import (
	"net/http"

	"github.com/wsbridge/wsbridge/internal/requestid"
)

// requestID gives each answer the id that the request came with, if that is fit to be
// logged, or else a new one.
func requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestid.Header)
		if !requestid.Valid(id) {
			id = requestid.New()
		}
		w.Header().Set(requestid.Header, id)
		next.ServeHTTP(w, r)
	})
}
