package interop

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsbridge/wsbridge/test/testserver"
)

type coderConn struct {
	*websocket.Conn
	ctx context.Context
}

func dialCoder(mode websocket.CompressionMode, server *testserver.Server) func(*testing.T, string) conn {
	return func(t *testing.T, query string) conn {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		t.Cleanup(cancel)
		c, answer, err := websocket.Dial(ctx, server.WS(query), &websocket.DialOptions{
			Subprotocols: []string{"wsbridge.v1"}, CompressionMode: mode, CompressionThreshold: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.CloseNow() })
		if c.Subprotocol() != "wsbridge.v1" {
			t.Errorf("subprotocol %q", c.Subprotocol())
		}
		if got := answer.Header.Get("Sec-Websocket-Extensions"); (got != "") != (mode != websocket.CompressionDisabled) {
			t.Errorf("extensions %q", got)
		}
		c.SetReadLimit(1 << 20)
		return coderConn{c, ctx}
	}
}

func (c coderConn) read(t *testing.T) frame {
	t.Helper()
	kind, p, err := c.Read(c.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if kind == websocket.MessageBinary {
		return parseBinary(t, p)
	}
	return parseText(t, p)
}

func (c coderConn) write(t *testing.T, binary bool, p []byte) {
	t.Helper()
	kind := websocket.MessageText
	if binary {
		kind = websocket.MessageBinary
	}
	if err := c.Write(c.ctx, kind, p); err != nil {
		t.Fatal(err)
	}
}

// writeFragments sends a fragment for each write, cutting within characters.
func (c coderConn) writeFragments(t *testing.T, p []byte, size int) {
	t.Helper()
	w, err := c.Writer(c.ctx, websocket.MessageText)
	for len(p) > 0 && err == nil {
		n := min(size, len(p))
		_, err = w.Write(p[:n])
		p = p[n:]
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (c coderConn) close(t *testing.T, code int) int {
	t.Helper()
	// Close waits for the server's close frame and fails if it says something else.
	if err := c.Close(websocket.StatusCode(code), "done"); err != nil {
		var closed websocket.CloseError
		if !errors.As(err, &closed) {
			t.Fatal(err)
		}
		return int(closed.Code)
	}
	return code
}

func (c coderConn) ping(t *testing.T) {
	t.Helper()
	pinged := make(chan error, 1)
	go func() { pinged <- c.Ping(c.ctx) }()
	for { // the pong is seen while reading, so there has to be something to read
		select {
		case err := <-pinged:
			if err != nil {
				t.Error(err)
			}
			return
		default:
			c.write(t, false, []byte(`{"type":"history","ref":77,"channel":"interop:ping"}`))
			until(t, c, "ok")
		}
	}
}

func TestCoder(t *testing.T) {
	server := testserver.Start(t)
	for name, mode := range map[string]websocket.CompressionMode{
		"plain":                       websocket.CompressionDisabled,
		"compressed":                  websocket.CompressionContextTakeover,
		"compressed without takeover": websocket.CompressionNoContextTakeover,
	} {
		t.Run(name, func(t *testing.T) { converse(t, server, dialCoder(mode, server)) })
	}
}

func TestCoderRefused(t *testing.T) {
	server := testserver.Start(t)
	_, answer, err := websocket.Dial(t.Context(), server.WS("channels=a"), &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {"https://foreign.example"}},
	})
	if err == nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign origin: %v, answer %v", err, answer)
	}
}
