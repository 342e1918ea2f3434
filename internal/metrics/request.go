package metrics

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
)

// Requests counts what next answers, a router of package chi, by the pattern that it found
// for the path: never by the path, which clients choose.
func (m *Metrics) Requests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The router fills in a context that it finds; somebody outside may wait for it as well.
		route := chi.RouteContext(r.Context())
		if route == nil {
			route = routes.Get().(*chi.Context)
			defer func() {
				route.Reset()
				routes.Put(route)
			}()
			r = r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, route))
		}
		answer := &answerWriter{ResponseWriter: w, upgrade: r.Header.Get("Upgrade") != "", status: http.StatusOK}
		next.ServeHTTP(answer, r)
		m.request(route.RoutePattern(), r.Method, answer.status)
	})
}

// Repeated counts a poll that did not come through the router.
func (m *Metrics) Repeated(method string) { m.request("/v1/poll", method, http.StatusOK) }

// routes are what the router writes to. As with its own, nobody looks at one when the request is over.
var routes = sync.Pool{New: func() any { return chi.NewRouteContext() }}

func (m *Metrics) request(route, method string, status int) {
	if route == "" {
		route = Other
	}
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
	default:
		method = Other // any token is a method (RFC 9110, section 9.1)
	}
	key := requestKind{route, method, status}
	counter, ok := m.requestKinds.Load(key)
	if !ok {
		counter, _ = m.requestKinds.LoadOrStore(key, m.requests.WithLabelValues(route, method, strconv.Itoa(status)))
	}
	counter.(prometheus.Counter).Inc()
}

// A requestKind is what requests are counted by. There are as many as routes, methods and codes.
type requestKind struct {
	route, method string
	status        int
}

// An answerWriter remembers the status.
type answerWriter struct {
	http.ResponseWriter
	upgrade bool // the request asks for a WebSocket
	status  int
	sent    bool
}

func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *answerWriter) WriteHeader(status int) {
	if !w.sent && status >= 200 {
		w.status, w.sent = status, true
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(b []byte) (int, error) {
	w.sent = true
	return w.ResponseWriter.Write(b)
}

// Hijack is how a connection becomes a WebSocket, whose new owner writes the answer, a stream that
// has begun, or a poll that waits, which is answered with 200.
func (w *answerWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil && !w.sent {
		w.sent = true
		if w.upgrade {
			w.status = http.StatusSwitchingProtocols
		}
	}
	return conn, rw, err
}
