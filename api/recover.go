package api

import (
	"bufio"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/go-chi/chi/v5"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/internal/requestid"
)

// recoverPanics answers a panic of a handler with 500 and logs its stack. What the panic
// says is not logged: it may quote what a client sent.
func (s *server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		watched := watch(w, r)
		defer func() {
			reason := recover()
			if reason == nil {
				return
			}
			if reason == http.ErrAbortHandler {
				panic(reason)
			}
			attrs := []slog.Attr{
				slog.String("route", chi.RouteContext(r.Context()).RoutePattern()),
				slog.String("request_id", w.Header().Get(requestid.Header)),
				slog.String("stack", string(debug.Stack())),
			}
			if err, ok := reason.(runtime.Error); ok {
				// An index out of range or a nil pointer, in words of the Go runtime.
				attrs = append(attrs, slog.Any("panic", err))
			}
			s.Logger.LogAttrs(r.Context(), slog.LevelError, "a request made the server panic", attrs...)
			if watched.status != 0 {
				// Half an answer must not look like a whole one: the connection is cut.
				panic(http.ErrAbortHandler)
			}
			problem.Write(w, problem.New(problem.Internal, ""))
		}()
		next.ServeHTTP(watched, r)
	})
}

// A watchedWriter knows the status of its answer; 0 while there is none. Everything else a
// ResponseWriter may be able to do is found by http.ResponseController.
type watchedWriter struct {
	http.ResponseWriter
	upgrade bool // the request asks for a WebSocket
	status  int
}

func watch(w http.ResponseWriter, r *http.Request) *watchedWriter {
	return &watchedWriter{ResponseWriter: w, upgrade: r.Header.Get("Upgrade") != ""}
}

func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watchedWriter) WriteHeader(status int) {
	// An informational answer is followed by the real one, but for 101.
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watchedWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Hijack hands over the connection of a WebSocket, on which 101 is written by its new owner, of a
// stream that has begun, or of a poll that waits, which is answered with 200.
func (w *watchedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil && w.status == 0 {
		if w.status = http.StatusOK; w.upgrade {
			w.status = http.StatusSwitchingProtocols
		}
	}
	return conn, rw, err
}
