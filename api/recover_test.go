package api

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
)

func TestPanics(t *testing.T) {
	s := newSite(t, func(o *Options) {
		o.Sign = func(c auth.Claims, _ time.Duration) (string, time.Time, error) { panic("sign " + c.User) }
		o.Page = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/page/abort" {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(http.StatusOK)
			io.WriteString(w, "half of it")
			http.NewResponseController(w).Flush()
			var none []int
			_ = none[len(r.URL.Path)]
		})
	})
	got := s.do(call{method: "POST", path: "/v1/tokens", header: []string{"Content-Type: application/json"}, body: `{"sub":"ann-the-secret"}`})
	if got.status != 500 || got.code() != "internal" {
		t.Errorf("%d %s", got.status, got.body)
	}
	for _, path := range []string{"/page/half", "/page/abort"} {
		resp, err := http.Get(s.url + path)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: half an answer looks whole: %v", path, err)
		}
	}
	if got := s.do(call{method: "GET", path: "/healthz"}); got.status != 200 {
		t.Errorf("afterwards: %d", got.status)
	}
	log := s.logged()
	if strings.Contains(log, "ann-the-secret") || strings.Count(log, "level=ERROR") != 2 || !strings.Contains(log, "recover_test.go") || !strings.Contains(log, "index out of range") {
		t.Errorf("the log:\n%s", log)
	}
}
