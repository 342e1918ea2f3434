package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A timedWriter notes the deadline that it is given.
type timedWriter struct {
	http.ResponseWriter
	deadline time.Time
}

func (w *timedWriter) SetWriteDeadline(t time.Time) error {
	w.deadline = t
	return nil
}

func TestEveryAnswerHasItsTime(t *testing.T) {
	s := &server{Options: Options{}.withDefaults()}
	for _, path := range []string{"/healthz", "/v1/openapi.json", "/nowhere"} {
		w := &timedWriter{ResponseWriter: httptest.NewRecorder()}
		before := time.Now()
		New(s.Options).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if left := w.deadline.Sub(before); left < answerTimeout || left > answerTimeout+time.Minute {
			t.Errorf("%s: its answer may take %v, want %v", path, left, answerTimeout)
		}
	}
}

func TestAWriterWithoutDeadlinesIsServed(t *testing.T) {
	w := httptest.NewRecorder()
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); !errors.Is(err, http.ErrNotSupported) {
		t.Fatalf("a recorder takes deadlines now: %v", err)
	}
	timeAnswer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })).
		ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusTeapot {
		t.Errorf("status %d", w.Code)
	}
}
