package api

import (
	_ "embed"
	"net/http"
)

// openAPIDocument describes this API in OpenAPI 3.1. Tests compare it with the routes, and
// with every status and code that was seen while they ran.
//
//go:embed openapi.json
var openAPIDocument []byte

func (s *server) openAPI(w http.ResponseWriter, r *http.Request) {
	write(w, http.StatusOK, openAPIDocument)
}
