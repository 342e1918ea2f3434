package client

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// A web answers requests without a network, so that time can be virtual.
type web func(r *http.Request) (*http.Response, error)

func (w web) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

func answer(status int, body io.Reader, header ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(body), ContentLength: -1}
	for i := 0; i < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

func problem(status int, code, retryAfter string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		return answer(status, strings.NewReader(`{"code":"`+code+`"}`),
			"Content-Type", "application/problem+json", "Retry-After", retryAfter), nil
	}
}

func fails(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }

// opened returns a client of a web, closed when the test is over.
func opened(t *testing.T, o Options) *Client {
	t.Helper()
	c, err := New("http://a", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
