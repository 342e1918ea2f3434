package transport

import (
	"context"
	"net/http"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// Subprotocol is what a WebSocket of wsbridge speaks. A client that offers none gets the same.
const Subprotocol = "wsbridge.v1"

// webSocket is the transport's name.
const webSocket = "websocket"

// readBuffer is what each WebSocket holds while nothing comes, in bytes. Longer commands are
// read past it.
const readBuffer = 1 << 10

// WebSocket serves /v1/ws. The connection outlives the request, whose buffers go.
func (s *Server) WebSocket(w http.ResponseWriter, r *http.Request) {
	if s.Draining() {
		s.refuse(w, webSocket, errDraining)
		return
	}
	c := &socket{}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:       []string{Subprotocol},
		RequireSubprotocol: true,
		CheckOrigin:        func(r *http.Request) bool { return s.checkOrigin(r) == nil },
		Refuse:             s.refuseHandshake,
		Deflate:            &websocket.DeflateOptions{},
		Options: websocket.Options{
			Limits:       websocket.Limits{MaxMessage: s.maxCommand()},
			ReadBuffer:   readBuffer,
			WriteTimeout: writeTimeout,
			CloseTimeout: hurryTimeout,
			OnActivity:   func() { c.heard.Store(true) },
		},
	})
	if err != nil {
		return // refused, or the client is gone
	}
	c.open(s, conn, r)
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

// open enters the connection and starts its reader. All that the request shows is looked at
// before, so that the connection does not keep it.
func (c *socket) open(s *Server, conn *websocket.Conn, r *http.Request) {
	c.conn, c.deflated = conn, conn.TakesDeflatedFrames()
	c.room = newDoorbell()
	c.signal, c.cut = c.wake, func() { conn.CloseNow() }
	c.begin(s, webSocket, s.ClientIP(r), c.wake, c.stopped)
	c.beat.Func = c.tick

	h := s.hello(r)
	c.name = nameOf(h.client)
	c.hello = h
	if !c.enter() {
		conn.CloseNow()
		return
	}
	c.accept()
	s.goroutines.Go(c.serve)
}

// serve obeys the client until the connection is over. It is the only part of a WebSocket
// that waits for bytes.
func (c *socket) serve() {
	c.wake() // parks the consumer, so that the bridge wakes it from now on
	c.greet()
	var buf []byte
	for {
		op, command, err := c.conn.ReadMessage(context.Background(), buf)
		if err != nil {
			c.over()
			c.leave(wire.CloseCode(websocket.CloseStatus(err)))
			return
		}
		c.waitForRoom()
		if op == websocket.OpText {
			c.onText(command)
		} else {
			c.onBinary(command)
		}
		if buf = command; cap(buf) > readBuffer {
			buf = nil // one long command is no reason to hold as much for hours
		}
	}
}
