// Package stage is what examples stand on: a wsbridge, which is started if none runs, and a web server that has the
// example and the bridge at one origin, as the reverse proxy of a real site would.
//
//	stage.Main("notifications", "127.0.0.1:9101", func(ctx context.Context, b stage.Bridge) (http.Handler, error) {
//		…
//	})
package stage

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/wsbridge/wsbridge/client"
)

//go:embed style.css
var style string

// A Bridge is the wsbridge that an example talks to.
type Bridge struct {
	URL    string
	APIKey string // empty: a server in development takes backends without
}

// Client returns a client that publishes as a backend.
func (b Bridge) Client() (*client.Client, error) {
	return client.New(b.URL, client.Options{APIKey: b.APIKey, Backend: true})
}

// Main runs an example until it is interrupted. It has the flags -addr and -bridge, and whatever the example defined;
// the API key is WSBRIDGE_API_KEY of the environment. What build starts has to end with its context.
func Main(name, addr string, build func(context.Context, Bridge) (http.Handler, error)) {
	flag.StringVar(&addr, "addr", addr, "`address` to listen on")
	bridge := flag.String("bridge", "http://127.0.0.1:8080", "`URL` of wsbridge; a server in development is started there if none answers")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, name, addr, Bridge{strings.TrimSuffix(*bridge, "/"), os.Getenv("WSBRIDGE_API_KEY")}, build); err != nil {
		log.Fatalf("%s: %v", name, err)
	}
}

func run(ctx context.Context, name, addr string, b Bridge, build func(context.Context, Bridge) (http.Handler, error)) error {
	target, err := url.Parse(b.URL)
	if err != nil {
		return err
	}
	server, err := start(ctx, b.URL)
	if err != nil {
		return err
	}
	defer server.stop()
	example, err := build(ctx, b)
	if err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.Handle("/", example)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // the bridge allows pages of the host that was asked
	}}
	mux.Handle("/v1/", proxy)
	mux.Handle("/client.js", proxy)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Write([]byte(style))
	})

	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	// Requests end with the program, those that are held too.
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	unwatch := context.AfterFunc(ctx, func() { web.Close() })
	defer unwatch()
	log.Printf("%s on http://%s/, wsbridge on %s", name, l.Addr(), b.URL)
	if err := web.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
