// Command support is a help desk: customers ask, agents see who waits, take a case and answer.
package main

import (
	"context"
	"embed"
	"io/fs"
	"net/http"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/examples/internal/stage"
	"github.com/wsbridge/wsbridge/pubsub"
)

//go:embed web
var web embed.FS

func main() { stage.Main("support", "127.0.0.1:9103", build) }

func build(ctx context.Context, b stage.Bridge) (http.Handler, error) {
	backend, err := b.Client()
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { backend.Close() })
	pages, err := fs.Sub(web, "web")
	if err != nil {
		return nil, err
	}
	d := &desk{bridge: b, backend: backend, cases: newCases()}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(pages))
	mux.HandleFunc("GET /agent", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pages, "agent.html") })
	mux.HandleFunc("POST /customer/case", d.open)
	mux.HandleFunc("GET /customer/case", d.mine)
	mux.HandleFunc("POST /customer/token", d.customerToken)
	mux.HandleFunc("POST /agent/sign-in", d.signIn)
	mux.HandleFunc("GET /agent/name", d.name)
	mux.HandleFunc("POST /agent/token", d.agentToken)
	mux.HandleFunc("GET /agent/cases", d.list)
	mux.HandleFunc("POST /agent/cases/{id}/take", d.take)
	mux.HandleFunc("POST /agent/cases/{id}/close", d.close)
	return mux, nil
}

// A desk answers the requests of customers (customer.go) and agents (agent.go).
type desk struct {
	bridge  stage.Bridge
	backend *client.Client
	cases   *cases
}

// announce tells the agents, and those who are in the conversation, what a case is now.
func (d *desk) announce(w http.ResponseWriter, r *http.Request, event string, c supportCase) {
	for _, channel := range []string{"desk", "case:" + c.ID} {
		if _, err := d.backend.Publish(r.Context(), pubsub.Channel(channel), client.Publication{Event: event, Data: c}); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
	}
	write(w, c)
}
