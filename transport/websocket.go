package transport

import (
	"net/http"
	"net/netip"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/transport/websocket"
)

// Subprotocol is what a WebSocket of wsbridge speaks. A client that offers none gets the same.
const Subprotocol = "wsbridge.v1"

// webSocket is the transport's name.
const webSocket = "websocket"

// WebSocket serves /v1/ws. The connection outlives the request, and is taken away from net/http
// with all that it holds.
func (s *Server) WebSocket(w http.ResponseWriter, r *http.Request) {
	if s.Draining() {
		s.refuse(w, webSocket, errDraining)
		return
	}
	from := s.ClientIP(r)
	full := s.claim(webSocket, from)
	if full != nil && !s.explains(r) {
		s.refuse(w, webSocket, full)
		return
	}
	up, err := websocket.Upgrade(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{Subprotocol},
		RequireSubprotocol: true,
		CheckOrigin:        func(r *http.Request) bool { return s.checkOrigin(r) == nil },
		Refuse:             s.refuseHandshake,
		Deflate:            &websocket.DeflateOptions{},
		Options:            websocket.Options{WriteTimeout: writeTimeout},
	})
	if err != nil { // refused, or the client is gone
		if full == nil {
			s.release(from)
		}
		return
	}
	s.open(up, r, from, full)
}

// refuseHandshake answers a request that cannot become a WebSocket.
func (s *Server) refuseHandshake(w http.ResponseWriter, r *http.Request, e *websocket.HandshakeError) {
	var p problem.Problem
	switch e.Code {
	case websocket.CodeMethod:
		p = problem.New(problem.MethodNotAllowed, "%s", e.Reason)
	case websocket.CodeUpgrade:
		p = problem.New(problem.UpgradeRequired, "%s", e.Reason)
	case websocket.CodeOrigin:
		p = problem.New(problem.Origin, "")
	case websocket.CodeHijack:
		p = problem.New(problem.Internal, "")
	default:
		p = problem.New(problem.BadRequest, "%s", e.Reason)
	}
	e.SetHeader(w.Header())
	s.refuse(w, webSocket, p)
}

// maxCommand is the longest command that is taken from a client, in bytes: a payload in
// base64, or with as much white space in it, and what stands around it.
func (s *Server) maxCommand() int64 { return int64(s.options.MaxMessage)*2 + 64<<10 }

// open enters a connection and greets the client, on the goroutine of its request. full is why
// there was no place for it, which it is told.
func (s *Server) open(up *websocket.Upgraded, r *http.Request, from netip.Addr, full error) {
	c := &socket{deflated: up.Deflate.TakesDeflatedFrames(websocket.ServerSide)}
	cfg := s.plain
	if up.Deflate != nil {
		cfg = s.deflated
	}
	c.in = websocket.NewAssembler(cfg, up.Deflate)
	c.outlet.open(s, webSocket, from, c)
	c.placed = full == nil
	c.beat.Func = c.tick
	h := hello{err: full}
	if full == nil {
		h = s.hello(r)
	}
	c.hello, c.name, c.named = &h, nameOf(h.client), h.client != ""
	if err := c.hold(up.NetConn); err != nil {
		s.options.Logger.Error("request failed", "transport", webSocket, "error", err)
		c.client.Close()
		c.vacate()
		return
	}
	if !c.enter() {
		c.line.Close()
		c.client.Close()
		c.vacate()
		return
	}
	c.accept()
	c.greet()
	c.obeyAll(up.Early)
	c.start()
}
