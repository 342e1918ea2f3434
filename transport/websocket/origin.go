package websocket

import (
	"net/http"
	"net/url"
	"strings"
)

// SameOrigin reports whether r comes from a page of the host it asks, or from a program that sends no Origin (RFC 6455,
// section 10.2). The scheme is not compared: behind a proxy that ends TLS a server does not see it.
func SameOrigin(r *http.Request) bool {
	origin := r.Header["Origin"]
	if len(origin) == 0 {
		return true
	}
	if len(origin) > 1 {
		return false
	}
	u, err := url.Parse(origin[0])
	if err != nil || u.Host == "" {
		return false // also "null", the origin of sandboxed pages and files
	}
	port := ":80"
	if u.Scheme == "https" {
		port = ":443"
	}
	return strings.EqualFold(strings.TrimSuffix(u.Host, port), strings.TrimSuffix(r.Host, port))
}
