package auth

import (
	"net/http"
	"strings"
)

// Bearer returns what is shown in "Authorization: Bearer …" (RFC 6750, section 2.1), and
// whether anything is: "" and true is a client that shows an empty token, which is a bad
// one and not none. Other schemes are not looked at.
func Bearer(h http.Header) (token string, shown bool) {
	values := h["Authorization"]
	if len(values) == 0 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	if len(values) > 1 {
		// Two answers to who somebody is are none: a proxy may have read the other one.
		return "", true
	}
	return strings.Trim(token, " \t"), true
}
