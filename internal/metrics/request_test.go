package metrics

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/go-chi/chi/v5"
)

func TestRequests(t *testing.T) {
	m := New("dev")
	router := chi.NewRouter()
	router.Post("/v1/channels/{channel}/messages", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusCreated)
	})
	router.Get("/silent", func(http.ResponseWriter, *http.Request) {})
	router.Get("/v1/ws", func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\n\r\n"))
		conn.Close()
	})
	var serving sync.WaitGroup
	counted := m.Requests(router)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serving.Add(1)
		defer serving.Done()
		counted.ServeHTTP(w, r)
	}))
	for _, r := range [][2]string{
		{"POST", "/v1/channels/secret-channel/messages"}, {"POST", "/v1/channels/other/messages"},
		{"GET", "/silent"}, {"GET", "/v1/ws"}, {"BREW", "/coffee"},
	} {
		req, err := http.NewRequest(r[0], server.URL+r[1], nil)
		if err != nil {
			t.Fatal(err)
		}
		if r[1] == "/v1/ws" {
			req.Header.Set("Upgrade", "websocket")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	server.Close()
	serving.Wait() // Close knows nothing of a handler that took its connection over
	counts(t, m, "wsbridge_http_requests_total", map[string]string{
		labels("code", "201", "method", "POST", "route", "/v1/channels/{channel}/messages"): "2",
		labels("code", "200", "method", "GET", "route", "/silent"):                          "1",
		labels("code", "101", "method", "GET", "route", "/v1/ws"):                           "1",
		labels("code", "405", "method", "other", "route", "other"):                          "1",
	})
}
