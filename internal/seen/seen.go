// Package seen notes what a server answers while its tests run, so that the document of its
// API can be compared with what it really does.
//
//	server := httptest.NewServer(seen.Record(api.New(options)))
//
// Without the environment variable SEEN_ANSWERS, Record returns the handler as it is.
// With it, each combination of method, route, status and code that was not noted before by
// this process is appended as a line to the file of that name. Tests of several packages
// may write to one file at once. An answer counts when its handler has returned, and not
// when that panicked.
package seen

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/go-chi/chi/v5"

	"github.com/wsbridge/wsbridge/internal/problem"
)

// File is the environment variable that names the file.
const File = "SEEN_ANSWERS"

// An Answer is what was answered to one request.
type Answer struct {
	Method string
	Route  string // the pattern of the path; "*" if no path was meant
	Status int
	Code   string // of a refusal; "-" if it is none
}

func (a Answer) String() string {
	return fmt.Sprintf("%s %s %d %s", a.Method, a.Route, a.Status, a.Code)
}

// Record notes what next answers. next is a router of package chi, or contains one.
func Record(next http.Handler) http.Handler {
	path := os.Getenv(File)
	if path == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The router fills in a context that it finds.
		route := chi.NewRouteContext()
		r = r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, route))
		watched := &writer{ResponseWriter: w, upgrade: r.Header.Get("Upgrade") != ""}
		next.ServeHTTP(watched, r)
		note(path, watched.answer(r.Method, route.RoutePattern()))
	})
}

// noted is shared by all servers of the process.
var noted struct {
	sync.Mutex
	answers map[string]bool // by file and line
}

func note(path string, a Answer) {
	noted.Lock()
	defer noted.Unlock()
	key := path + "\n" + a.String()
	if noted.answers[key] {
		return
	}
	// One short write to the end of a file is not mixed with those of others.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, a)
		f.Close()
	}
	if err != nil {
		panic(err) // a run that notes only part of what it saw proves nothing
	}
	if noted.answers == nil {
		noted.answers = make(map[string]bool)
	}
	noted.answers[key] = true
}

// Read returns what was noted in a file, each answer once.
func Read(r io.Reader) (map[Answer]bool, error) {
	answers := make(map[Answer]bool)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var a Answer
		if _, err := fmt.Sscanf(lines.Text(), "%s %s %d %s", &a.Method, &a.Route, &a.Status, &a.Code); err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
		answers[a] = true
	}
	return answers, lines.Err()
}

// A writer knows the status and, of a refusal, the body.
type writer struct {
	http.ResponseWriter
	upgrade bool // the request asks for a WebSocket
	status  int
	refusal bytes.Buffer
}

func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *writer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if w.refuses() {
		w.refusal.Write(b)
	}
	return w.ResponseWriter.Write(b)
}

// Hijack is how a connection becomes a WebSocket, on which the 101 is written by its new owner, a
// stream that has begun, or a poll that waits, which is answered with 200.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil && w.status == 0 {
		if w.status = http.StatusOK; w.upgrade {
			w.status = http.StatusSwitchingProtocols
		}
	}
	return conn, rw, err
}

// refuses reports whether what is written tells a code: a problem, or the error object of
// a command.
func (w *writer) refuses() bool {
	kind := w.Header().Get("Content-Type")
	return w.status >= 400 && (strings.HasPrefix(kind, problem.ContentType) || strings.HasPrefix(kind, "application/json"))
}

func (w *writer) answer(method, route string) Answer {
	a := Answer{Method: method, Route: route, Status: w.status, Code: "-"}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	var refused struct{ Code string }
	if json.Unmarshal(w.refusal.Bytes(), &refused) == nil && refused.Code != "" {
		a.Code = refused.Code
	}
	if route == "" || a.Status == http.StatusMethodNotAllowed {
		// Any method may be sent to any path.
		a.Method, a.Route = "*", "*"
	}
	return a
}
