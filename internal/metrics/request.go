package metrics

import (
	"net/http"
	"strconv"
)

// Request counts an HTTP request that was answered. route is the pattern that it matched,
// "" when none did: never the path, which clients choose.
func (m *Metrics) Request(route, method string, status int) {
	if route == "" {
		route = Other
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = Other // any token is a method (RFC 9110, section 9.1)
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
}
