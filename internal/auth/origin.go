package auth

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Origins are the web origins (RFC 6454) whose pages may use the client endpoints. The
// zero value allows the request's own host.
type Origins struct{ list []string }

// ParseOrigins reads origins as browsers write them, "https://app.example.com" or
// "http://localhost:3000". "https://*.example.com" stands for all its subdomains, "*" for
// every origin, "loopback" for those that this machine serves itself, "null" for pages
// without one. An empty list is the zero value; any other takes its place, so that the
// request's own host has to be in it.
func ParseOrigins(list []string) (Origins, error) {
	var o Origins
	for _, s := range list {
		if s == "*" || s == "null" || s == loopback {
			o.list = append(o.list, s)
			continue
		}
		scheme, host, ok := splitOrigin(s)
		if !ok || strings.Contains(strings.TrimPrefix(host, "*."), "*") {
			return Origins{}, fmt.Errorf("%q is no origin; write https://app.example.com, https://*.example.com or *, without a path", clip(s))
		}
		o.list = append(o.list, scheme+"://"+host)
	}
	return o, nil
}

const loopback = "loopback"

// LoopbackOrigins allows pages that this machine serves itself, on any port.
func LoopbackOrigins() Origins { return Origins{[]string{loopback}} }

// Any reports whether every origin is allowed.
func (o Origins) Any() bool {
	return slices.Contains(o.list, "*")
}

// String returns the list as [ParseOrigins] reads it, separated by commas.
func (o Origins) String() string { return strings.Join(o.list, ",") }

// Allows reports whether a page of the given origin (the Origin header) may send a
// request to the given host (the Host header). A request without the header comes from
// no page, and is the caller's to let through.
func (o Origins) Allows(origin, host string) bool {
	scheme, from, ok := splitOrigin(origin)
	if strings.Contains(from, "*") {
		return false
	}
	if len(o.list) == 0 {
		// The scheme is not compared: in front of a proxy that ends TLS it is another one.
		return ok && from == normalHost(scheme, host)
	}
	for _, allowed := range o.list {
		switch {
		case allowed == "*", allowed == "null" && origin == "null":
			return true
		case !ok:
			continue
		case allowed == loopback && Loopback(from):
			return true
		}
		allowedScheme, allowedHost, _ := strings.Cut(allowed, "://")
		if allowedScheme != scheme {
			continue
		}
		if parent, wild := strings.CutPrefix(allowedHost, "*"); wild && strings.HasSuffix(from, parent) && from != parent {
			return true
		}
		if allowedHost == from {
			return true
		}
	}
	return false
}

// Loopback reports whether a host, with or without port, is this machine by name or
// address. Who asks for another name and ends here was led here by foreign DNS.
func Loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	// https://www.rfc-editor.org/rfc/rfc6761#section-6.3
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

// splitOrigin returns the parts of SCHEME://HOST[:PORT] in lower case, a default port left out.
func splitOrigin(s string) (scheme, host string, ok bool) {
	scheme, host, ok = strings.Cut(strings.ToLower(s), "://")
	if !ok || scheme == "" || host == "" {
		return "", "", false
	}
	for i := range len(scheme) {
		if c := scheme[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '-' || c == '.') {
			return "", "", false
		}
	}
	for i := range len(host) {
		if c := host[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`/\?#@,"<>`, c) >= 0 {
			return "", "", false
		}
	}
	return scheme, normalHost(scheme, host), true
}

func normalHost(scheme, host string) string {
	host = strings.ToLower(host)
	switch scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}
