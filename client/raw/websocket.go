package raw

import (
	"context"
	"errors"
	"net/http"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

const subprotocol = "wsbridge.v1"

// connectRef is the number of the connect command, whose ok says nothing that welcome does
// not.
const connectRef = "1"

type webSocket struct {
	conn *websocket.Conn
	buf  []byte
}

// openWebSocket shows everything in the connect command, so that no token and no list of a
// thousand channels stands in a URL.
func openWebSocket(ctx context.Context, d *dialing) (source, error) {
	u, err := d.endpoint("/v1/ws", true)
	if err != nil {
		return nil, err
	}
	dial := websocket.DialOptions{
		Subprotocols: []string{subprotocol},
		Deflate:      d.Deflate,
		Options:      websocket.Options{Limits: websocket.Limits{MaxMessage: int64(d.MaxEvent)}},
	}
	if t, ok := d.client.Transport.(*http.Transport); ok {
		dial.NetDial, dial.TLS = t.DialContext, t.TLSClientConfig
	}
	conn, resp, err := websocket.Dial(ctx, u.String(), &dial)
	switch {
	case errors.Is(err, websocket.ErrBadHandshake) && resp != nil && resp.StatusCode != http.StatusSwitchingProtocols:
		return nil, refused(resp)
	case errors.Is(err, websocket.ErrBadHandshake):
		return nil, violation("%v", err)
	case err != nil:
		return nil, broken(err)
	}
	s := &webSocket{conn: conn}
	if conn.Subprotocol() != subprotocol {
		s.close(true)
		return nil, violation("the server does not speak %s", subprotocol)
	}
	if err := s.send(&wire.Command{
		Type: wire.Connect, Ref: connectRef,
		Token: d.Token, Client: d.ClientID, Channels: d.Channels, Cursor: d.progress.position(),
	}); err != nil {
		s.close(true)
		return nil, broken(err)
	}
	return s, nil
}

func (s *webSocket) send(c *wire.Command) error {
	return s.conn.WriteMessage(websocket.OpText, wire.AppendCommand(nil, c))
}

func (s *webSocket) next(ctx context.Context) (Event, error) {
	for {
		op, frame, err := s.conn.ReadMessage(ctx, s.buf)
		if err != nil {
			return Event{}, closedSocket(err)
		}
		s.buf = frame
		parse := wire.ParseEvent
		if op == websocket.OpBinary {
			parse = wire.ParseFrame
		}
		e, err := parse(frame)
		if err != nil {
			return Event{}, violation("a frame: %v", err)
		}
		if e.Type != wire.EventOK || e.Ref != connectRef {
			return e, nil
		}
	}
}

// closedSocket says in this package's words why a WebSocket ended.
func closedSocket(err error) error {
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		return &CloseError{wire.CloseCode(closed.Code), closed.Reason, wire.ParseCloseReason(closed.Reason)}
	}
	var rules *websocket.ProtocolError
	if errors.As(err, &rules) {
		return violation("%v", rules)
	}
	return broken(err)
}

func (s *webSocket) close(now bool) {
	if now {
		s.conn.CloseNow()
	} else {
		s.conn.Close(websocket.StatusNormalClosure, "")
	}
}

// Send sends a command, which no other transport can. Its answer comes by Next, with the
// command's Ref, which is not 1: that is the line's own.
func (l *Line) Send(c wire.Command) error {
	s, ok := l.source.(*webSocket)
	if !ok {
		return errors.New("raw: only a WebSocket takes commands; see Ask")
	}
	if c.Data.Kind == pubsub.Binary {
		return s.conn.WriteMessage(websocket.OpBinary, wire.AppendCommandFrame(nil, &c))
	}
	return s.send(&c)
}
