package websocket

import (
	"fmt"
	"net"
	"net/http"
	"time"
)

// AcceptOptions configure the server's side. The zero value works.
type AcceptOptions struct {
	// Subprotocols that the server speaks, the preferred one first. Default: none is chosen.
	Subprotocols []string
	// RequireSubprotocol refuses clients that offer subprotocols, but none of Subprotocols. Clients that offer none pass.
	RequireSubprotocol bool
	// CheckOrigin says whether the page that the client runs in may connect. Default: [SameOrigin].
	CheckOrigin func(r *http.Request) bool
	// Header goes onto the 101 answer, with what w.Header() holds already.
	Header http.Header
	// Refuse answers a handshake that is refused. It gets the reason, should call its SetHeader and write its Status.
	// Default: plain text.
	Refuse func(w http.ResponseWriter, r *http.Request, e *HandshakeError)
	// Deflate offers compression. Default: none.
	Deflate *DeflateOptions
	// Options of the connection.
	Options
}

func (o *AcceptOptions) allows(r *http.Request) bool {
	if o.CheckOrigin != nil {
		return o.CheckOrigin(r)
	}
	return SameOrigin(r)
}

// Accept answers the opening handshake of a client and takes the connection over from the HTTP server. A handshake that
// cannot be accepted is answered as well; the error, a [*HandshakeError], is then for the caller's information only.
//
// The context of r ends with the handler, as ever; the connection does not. nil options are the defaults.
func Accept(w http.ResponseWriter, r *http.Request, o *AcceptOptions) (*Conn, error) {
	if o == nil {
		o = &AcceptOptions{}
	}
	h, err := Upgrade(w, r, o)
	if err != nil {
		return nil, err
	}
	return NewConn(h.NetConn, Config{
		Side:        ServerSide,
		Subprotocol: h.Subprotocol,
		Deflate:     h.Deflate,
		Deflation:   o.Deflate,
		Early:       h.Early,
		Options:     o.Options,
	}), nil
}

// An Upgraded connection has become a WebSocket, and belongs to whoever has it.
type Upgraded struct {
	Handshake
	NetConn net.Conn
	Early   []byte // what the client sent behind its request; good until the handler returns
}

// Upgrade is [Accept] for programs that read and write by themselves, such as event loops: with an [Assembler], and frames
// of [AppendFrame]. Of the options of the connection it knows only WriteTimeout.
func Upgrade(w http.ResponseWriter, r *http.Request, o *AcceptOptions) (*Upgraded, error) {
	if o == nil {
		o = &AcceptOptions{}
	}
	h, err := CheckHandshake(r, o)
	if err != nil {
		return nil, o.refuse(w, r, err.(*HandshakeError))
	}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, o.refuse(w, r, refuse(http.StatusInternalServerError, CodeHijack, "the connection cannot be taken over"))
	}
	// The client may not send before it has the answer, but who trusts its key may: what the HTTP server read is kept.
	early, err := rw.Reader.Peek(rw.Reader.Buffered())
	if err == nil {
		err = o.answer(nc, h.AppendResponse(nil, w.Header(), o.Header))
	}
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("websocket: accept: %w", err)
	}
	return &Upgraded{*h, nc, early}, nil
}

// answer sends the 101 answer. Deadlines of http.Server are not those of a WebSocket.
func (o *AcceptOptions) answer(nc net.Conn, response []byte) error {
	nc.SetDeadline(time.Time{})
	timeout := o.WriteTimeout
	if timeout == 0 {
		timeout = defaultWriteTimeout
	}
	if timeout > 0 {
		nc.SetWriteDeadline(time.Now().Add(timeout))
		defer nc.SetWriteDeadline(time.Time{})
	}
	_, err := nc.Write(response)
	return err
}

func (o *AcceptOptions) refuse(w http.ResponseWriter, r *http.Request, e *HandshakeError) error {
	if o.Refuse != nil {
		o.Refuse(w, r, e)
	} else {
		e.write(w)
	}
	return e
}
