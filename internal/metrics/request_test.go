package metrics

import "testing"

func TestRequests(t *testing.T) {
	m := New("dev")
	m.Request("/v1/channels/{channel}/messages", "POST", 201)
	m.Request("/v1/channels/{channel}/messages", "POST", 201)
	m.Request("", "BREW", 404)
	counts(t, m, "wsbridge_http_requests_total", map[string]string{
		labels("code", "201", "method", "POST", "route", "/v1/channels/{channel}/messages"): "2",
		labels("code", "404", "method", "other", "route", "other"):                          "1",
	})
}
