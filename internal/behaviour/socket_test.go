package behaviour

import (
	"context"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A rawSocket is a WebSocket on which a test says what it likes.
type rawSocket struct {
	t testing.TB
	*websocket.Conn
}

// dial opens a WebSocket with a query.
func (s *server) dial(t testing.TB, query string) *rawSocket {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.url, "http")+"/v1/ws?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	return &rawSocket{t, conn}
}

func (c *rawSocket) say(command string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.OpText, []byte(command)); err != nil {
		c.t.Fatal(err)
	}
}

// hear waits for the next frame that is no heartbeat. Only the end of the connection is an
// error.
func (c *rawSocket) hear() ([]byte, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		_, frame, err := c.ReadMessage(ctx, nil)
		if ctx.Err() != nil {
			c.t.Fatalf("nothing came for %v", patience)
		}
		if err != nil || string(frame) != wire.HeartbeatEvent {
			return frame, err
		}
	}
}

// answer waits for the answer to a command and returns it as it came.
func (c *rawSocket) answer(ref string) []byte {
	c.t.Helper()
	for {
		frame, err := c.hear()
		if err != nil {
			c.t.Fatal(err)
		}
		if e, err := wire.ParseEvent(frame); err == nil && string(e.Ref) == ref {
			return frame
		}
	}
}
