package main

import (
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPollIsHeld asks the site's own endpoint, in virtual time.
func TestPollIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{orders: open(t, filepath.Join(t.TempDir(), "orders"))}
		poll := func(after string) string {
			w := httptest.NewRecorder()
			s.poll(w, httptest.NewRequestWithContext(t.Context(), "GET", "/orders/poll?after="+after, nil))
			return strings.TrimSpace(w.Body.String())
		}
		began := time.Now()
		if body := poll("0"); body != "[]" || time.Since(began) != held {
			t.Errorf("without orders: %s after %v", body, time.Since(began))
		}
		time.AfterFunc(time.Second, func() { s.orders.add("tea") })
		began = time.Now()
		if body := poll("0"); !strings.Contains(body, `"text":"tea"`) || time.Since(began) != time.Second {
			t.Errorf("with an order: %s after %v", body, time.Since(began))
		}
		if body := poll("0"); !strings.Contains(body, `"n":1`) {
			t.Error("what is there already:", body)
		}
		if body := poll("x"); !strings.Contains(body, "after=") {
			t.Error("a bad number:", body)
		}
		if n := s.polled.Load(); n != 3 {
			t.Error("counted:", n)
		}
	})
}
