package main

import (
	"embed"
	"html/template"
	"io"
	"log"
	"net/http"
	"sync/atomic"

	"github.com/wsbridge/wsbridge/examples/internal/stage"
)

//go:embed web
var web embed.FS

var index = template.Must(template.ParseFS(web, "web/index.html"))

type site struct {
	step   int
	bridge stage.Bridge
	orders *orders
	polled atomic.Int64
}

// steps say what is new, and which script follows the orders.
var steps = [...]struct{ Text, Script string }{
	{"The page polls the site’s own endpoint", "own.js"},
	{"The backend publishes to wsbridge, too", "own.js"},
	{"The page polls wsbridge", "poll.js"},
	{"The page uses the client of wsbridge", "client.js"},
	{"The site’s own endpoint is gone", "client.js"},
}

func (s *site) page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if err := index.Execute(w, struct {
		Step         int
		Text, Script string
	}{s.step, steps[s.step].Text, steps[s.step].Script}); err != nil {
		log.Print(err)
	}
}

// list is the state that a page begins with, in all steps.
func (s *site) list(w http.ResponseWriter, _ *http.Request) { write(w, s.orders.newest()) }

// token lets the page read the orders. A real site looks at its session first.
func (s *site) token(w http.ResponseWriter, r *http.Request) {
	token, err := s.bridge.Token(r.Context(), "desk", map[string][]string{"orders": {"subscribe"}})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	io.WriteString(w, token)
}
