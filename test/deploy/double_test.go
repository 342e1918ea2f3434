package deploy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A double stands for an instance that behaves as no real one can be made to at will, and
// counts what it was sent.
type double struct {
	addr string

	mu   sync.Mutex
	seen map[string]int // by the body of a POST, by the path of a GET
}

// dies takes a request and closes the connection without an answer.
func dies(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func stores(w http.ResponseWriter) { w.WriteHeader(http.StatusCreated) }

// says returns an answer of an instance that is not ready.
func says(code string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"code":"`+code+`"}`)
	}
}

func newDouble(t *testing.T, ready bool, behave func(http.ResponseWriter)) *double {
	t.Helper()
	d := &double{seen: make(map[string]int)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			if !ready {
				says("draining")(w)
			}
			return
		}
		what, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.Method == http.MethodGet {
			what = []byte(r.URL.Path)
		}
		d.mu.Lock()
		d.seen[string(what)]++
		d.mu.Unlock()
		behave(w)
	}))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	d.addr = strings.TrimPrefix(s.URL, "http://")
	return d
}

// times returns how often a request was seen.
func (d *double) times(what string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen[what]
}
