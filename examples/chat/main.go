// Command chat is a chat: a page, and the server that it talks through.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"io/fs"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/wsbridge/wsbridge/api"
	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/transport"
)

//go:embed web
var web embed.FS

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "`address` to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr); err != nil {
		log.Fatal(err)
	}
}

// everyone may talk in the channel chat, and in those whose names begin with "chat:".
func everyone(string) (transport.Identity, error) {
	return transport.Identity{May: func(_ transport.Operation, c pubsub.Channel) bool {
		return c == "chat" || c.Namespace() == "chat"
	}}, nil
}

func run(ctx context.Context, addr string) error {
	b := bridge.New(membroker.New(membroker.Options{}), bridge.Options{})
	if err := b.Start(ctx); err != nil {
		return err
	}
	defer b.Close()
	streams := relay.New(relay.Options{})
	clients := transport.New(b, transport.Options{Authenticate: everyone, Relay: streams})
	defer clients.Close()
	defer streams.Close()

	page, err := fs.Sub(web, "web")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(page))
	endpoints := api.New(api.Options{Bridge: b, Transport: clients})
	for _, path := range []string{"/v1/", "/client.js", "/client-streams.js"} {
		mux.Handle(path, endpoints)
	}

	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		leaving, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		clients.Drain(leaving, time.Second) // everyone is told to come back later
		server.Close()
	}()
	log.Printf("the chat is at http://%s/, and in a terminal: go run ./cmd/wsbridge chat --url http://%[1]s", addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
