package transport

import (
	"net/http"

	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A Caller is who asks for something that both backends and clients may ask for.
type Caller struct {
	backend   bool
	principal principal
	client    string
	from      string
}

// Caller tells who a request comes from: a backend by its API key, or a client by its token,
// in Authorization or in the query.
func (s *Server) Caller(r *http.Request) (Caller, error) {
	if key, shown := auth.Bearer(r.Header); shown && s.options.Keys(key) {
		return Caller{backend: true}, nil
	}
	q := r.URL.Query()
	name := q.Get("client")
	if name != "" && !wire.ValidClient(name) {
		return Caller{}, problem.New(problem.BadRequest, "client must be 1 to %d of A-Z a-z 0-9 _ -", wire.MaxClient)
	}
	id, err := s.authenticate(r, q.Get("token"))
	if err != nil {
		return Caller{}, refusal(err)
	}
	return Caller{principal: id.principal(), client: name, from: s.ClientIP(r).String()}, nil
}

// Permit refuses what the caller may not do. A backend may everything.
func (c *Caller) Permit(op Operation, name pubsub.Channel) error {
	if c.backend {
		return nil
	}
	return permit(c.principal, op, name)
}

// Sender is what stands in messages that the caller publishes; nil for a backend.
func (c *Caller) Sender() *pubsub.Sender {
	if c.backend {
		return nil
	}
	return &pubsub.Sender{User: c.principal.user, Client: c.client}
}

// Owner names whom the caller's streams are counted for: the user, or the address of who shows
// no token. Those of backends are not counted.
func (c *Caller) Owner() string {
	switch {
	case c.backend:
		return ""
	case c.principal.user != "":
		return "u:" + c.principal.user
	}
	return "a:" + c.from
}

// Relay returns the relay of the server's streams, or nil.
func (s *Server) Relay() *relay.Relay { return s.options.Relay }
