package transport

import (
	"context"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// obey does what a command over a WebSocket asks for. An error is the answer.
func (c *socket) obey(command *wire.Command) error {
	if command.Type == wire.Connect {
		return c.obeyConnect(command)
	}
	if c.anonymous.Load() {
		if c.connect("", c.hello.identity); c.ending.Load() != nil {
			return nil
		}
	}
	switch command.Type {
	case wire.Refresh:
		return c.refresh(command)
	case wire.Subscribe:
		return c.subscribe(command)
	case wire.Unsubscribe:
		c.unsubscribe(command)
		return nil
	}
	s := getScratch()
	defer s.put()
	var err error
	if s.b, err = c.server.answer(c.server.ctx, s.b, caller{c.principal, c.name}, command); err != nil {
		return err
	}
	c.client.Reply(websocket.AppendFrame(nil, websocket.OpText, true, false, s.b))
	return nil
}

// A caller is who sends a command.
type caller struct {
	principal principal
	client    string
}

// answer obeys a command that needs no connection and appends its ok.
func (s *Server) answer(ctx context.Context, dst []byte, who caller, command *wire.Command) ([]byte, error) {
	switch command.Type {
	case wire.Publish:
		return s.publish(ctx, dst, who, command)
	case wire.History:
		return s.history(ctx, dst, who, command)
	case wire.Presence, wire.RPC:
		return dst, problem.New(problem.NotSupported, "this server does not do %s", command.Type)
	}
	return dst, problem.New(problem.BadRequest, "%s needs a WebSocket", command.Type)
}
