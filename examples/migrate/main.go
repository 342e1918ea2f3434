// Command migrate is a page of incoming orders that was built on long polling, and moves to wsbridge in four steps.
// docs/migrate-from-long-polling.md walks through them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/wsbridge/wsbridge/examples/internal/stage"
)

func main() {
	step := flag.Int("step", 0, "how far the move is, 0 to 4")
	data := flag.String("data", filepath.Join(os.TempDir(), "wsbridge-migrate.jsonl"), "`file` that stands for the database")
	stage.Main("migrate", "127.0.0.1:9102", func(ctx context.Context, b stage.Bridge) (http.Handler, error) {
		return build(ctx, b, *step, *data)
	})
}

func build(ctx context.Context, b stage.Bridge, step int, data string) (http.Handler, error) {
	if step < 0 || step > 4 {
		return nil, fmt.Errorf("there is no step %d: say -step 0 to -step 4", step)
	}
	orders, err := openOrders(data)
	if err != nil {
		return nil, err
	}
	s := &site{step: step, bridge: b, orders: orders}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.Handle("GET /web/", http.FileServerFS(web))
	mux.HandleFunc("GET /orders", s.list)
	mux.HandleFunc("POST /orders", s.order)
	if step <= 3 {
		mux.HandleFunc("GET /orders/poll", s.poll)
		mux.HandleFunc("GET /orders/polls", s.polls)
	}
	if step >= 1 {
		backend, err := b.Client()
		if err != nil {
			return nil, err
		}
		go func() {
			defer backend.Close()
			forward(ctx, orders, backend)
		}()
		mux.HandleFunc("POST /token", s.token) // for pages of step 2 that stay open on the way back
	}
	return mux, nil
}

func (s *site) order(w http.ResponseWriter, r *http.Request) {
	switch o, err := s.orders.add(r.FormValue("text")); {
	case errors.Is(err, errText):
		http.Error(w, err.Error(), http.StatusBadRequest)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInsufficientStorage)
	default:
		write(w, o)
	}
}
