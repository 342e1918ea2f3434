package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/wsbridge/wsbridge/internal/clientjs"
	"github.com/wsbridge/wsbridge/transport"
)

// server is the state of the API: its options, and nothing that changes.
type server struct {
	Options
	router chi.Router
}

// New returns the handler of the public listener.
func New(o Options) http.Handler {
	s := &server{Options: o.withDefaults(), router: chi.NewRouter()}
	s.routes(s.router)
	return s.router
}

// routes is every URL of the server. openapi.json says what each takes and answers.
func (s *server) routes(r chi.Router) {
	r.Use(requestID, s.accessLog, s.recoverPanics, s.timeBody, timeAnswer, routeEscaped)
	r.NotFound(s.notFound)
	r.MethodNotAllowed(s.methodNotAllowed)

	// For clients: tokens, or what is open to everyone.
	r.Group(func(r chi.Router) {
		r.Use(s.Transport.CheckOrigin, s.refuseStarting)
		r.Get("/v1/ws", s.Transport.WebSocket)
		r.Get("/v1/poll", s.Transport.Poll)
		r.Post("/v1/poll", s.Transport.Poll)
		r.Get("/v1/sse", s.Transport.SSE)
		r.Post("/v1/sse", s.Transport.SSE)
		r.Get("/v1/http-stream", s.Transport.HTTPStream)
		r.Post("/v1/http-stream", s.Transport.HTTPStream)
		r.Post("/v1/send", s.Transport.Send)
		for _, path := range clientPaths {
			r.Options(path, s.options)
		}
	})

	// For both: an API key, or a token.
	r.Group(func(r chi.Router) {
		r.Use(s.Transport.CheckOrigin, s.refuseStarting)
		r.Post("/v1/channels/{channel}/streams", s.upload)
		r.Options("/v1/channels/{channel}/streams", s.options)
		r.Get("/v1/streams/{id}", s.Transport.Stream)
		r.Head("/v1/streams/{id}", s.Transport.Stream)
		r.Options("/v1/streams/{id}", s.options)
	})

	// For backends: API keys.
	r.Group(func(r chi.Router) {
		r.Use(s.authenticate, s.refuseStarting)
		r.Post("/v1/messages", s.publishBatch)
		r.Get("/v1/channels", s.listChannels)
		r.Get("/v1/channels/{channel}", s.describeChannel)
		r.Post("/v1/channels/{channel}/messages", s.publishToChannel)
		r.Get("/v1/channels/{channel}/messages", s.readHistory)
		r.Delete("/v1/channels/{channel}/messages", s.purge)
		r.Post("/v1/users/{user}/messages", s.publishToUser)
		r.Post("/v1/tokens", s.signToken)
	})

	// For everyone.
	r.Get("/healthz", s.healthy)
	r.Head("/healthz", s.healthy)
	r.Get("/readyz", s.ready)
	r.Head("/readyz", s.ready)
	r.Get("/v1/openapi.json", s.openAPI)
	for path, script := range map[string]string{"/client.js": clientjs.Client, "/client-streams.js": clientjs.Streams} {
		r.Method(http.MethodGet, path, clientjs.Handler(script))
		r.Method(http.MethodHead, path, clientjs.Handler(script))
	}
	if s.Page != nil {
		for _, path := range []string{"/", "/page/*"} {
			r.Method(http.MethodGet, path, s.Page)
			r.Method(http.MethodHead, path, s.Page)
		}
	}
}

// clientPaths are those of the client endpoints.
var clientPaths = []string{"/v1/ws", "/v1/poll", "/v1/sse", "/v1/http-stream", "/v1/send"}

// Short is for [transport.Server.Front].
var Short = transport.Short{Is: isShort, Blank: blank}

// isShort reports whether a request carries little and is answered at once and whole: what
// backends do all the time.
func isShort(r *http.Request) bool {
	path := r.URL.Path
	return r.Method == http.MethodPost && (path == "/v1/messages" || strings.HasSuffix(path, "/messages") &&
		(strings.HasPrefix(path, "/v1/channels/") || strings.HasPrefix(path, "/v1/users/")))
}

// blank returns a request whose context has what the router writes to, which else makes a context
// and a map for each.
func blank(ctx context.Context) (r *http.Request, renew func()) {
	route := chi.NewRouteContext()
	r = (&http.Request{}).WithContext(context.WithValue(ctx, chi.RouteCtxKey, route))
	renew = func() {
		route.Reset()
		for _, name := range pathParameters {
			r.SetPathValue(name, "")
		}
	}
	renew()
	return r, renew
}

// pathParameters are all that stand in patterns of routes.
var pathParameters = []string{"channel", "user", "id"}
