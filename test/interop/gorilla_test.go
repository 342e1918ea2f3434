package interop

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/wsbridge/wsbridge/test/testserver"
)

type gorillaConn struct{ *websocket.Conn }

func dialGorilla(dialer websocket.Dialer, server *testserver.Server) func(*testing.T, string) conn {
	return func(t *testing.T, query string) conn {
		t.Helper()
		c, answer, err := dialer.Dial(server.WS(query), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if got := answer.Header.Get("Sec-Websocket-Protocol"); got != "wsbridge.v1" {
			t.Errorf("subprotocol %q", got)
		}
		if got := answer.Header.Get("Sec-Websocket-Extensions"); (got != "") != dialer.EnableCompression {
			t.Errorf("extensions %q", got)
		}
		c.SetReadDeadline(time.Now().Add(30 * time.Second))
		return gorillaConn{c}
	}
}

func (c gorillaConn) read(t *testing.T) frame {
	t.Helper()
	kind, p, err := c.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	if kind == websocket.BinaryMessage {
		return parseBinary(t, p)
	}
	return parseText(t, p)
}

func (c gorillaConn) write(t *testing.T, binary bool, p []byte) {
	t.Helper()
	kind := websocket.TextMessage
	if binary {
		kind = websocket.BinaryMessage
	}
	if err := c.WriteMessage(kind, p); err != nil {
		t.Fatal(err)
	}
}

// writeFragments relies on the dialer's write buffer: what does not fit begins a new
// fragment, so that the size is the buffer's.
func (c gorillaConn) writeFragments(t *testing.T, p []byte, _ int) {
	t.Helper()
	w, err := c.NextWriter(websocket.TextMessage)
	if err == nil {
		_, err = w.Write(p)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (c gorillaConn) close(t *testing.T, code int) int {
	t.Helper()
	if err := c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(code, "done")); err != nil {
		t.Fatal(err)
	}
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			var closed *websocket.CloseError
			if !errors.As(err, &closed) {
				t.Fatal(err)
			}
			return closed.Code
		}
	}
}

func (c gorillaConn) ping(t *testing.T) {
	t.Helper()
	var pong string
	c.SetPongHandler(func(s string) error { pong = s; return nil })
	if err := c.WriteMessage(websocket.PingMessage, []byte("are you there")); err != nil {
		t.Fatal(err)
	}
	// Pongs are seen while reading, so something to read has to follow.
	c.write(t, false, []byte(`{"type":"subscribe","ref":77,"channel":"interop:ping"}`))
	until(t, c, "subscribed")
	if pong != "are you there" {
		t.Errorf("pong %q", pong)
	}
}

func TestGorilla(t *testing.T) {
	server := testserver.Start(t)
	for name, compressed := range map[string]bool{"plain": false, "compressed": true} {
		t.Run(name, func(t *testing.T) {
			converse(t, server, dialGorilla(websocket.Dialer{
				Subprotocols: []string{"wsbridge.v1"}, EnableCompression: compressed, WriteBufferSize: 256,
			}, server))
		})
	}
}

func TestGorillaHeartbeat(t *testing.T) {
	server := testserver.Start(t, "WSBRIDGE_HEARTBEAT=1s")
	c := dialGorilla(websocket.Dialer{Subprotocols: []string{"wsbridge.v1"}}, server)(t, "channels=interop:2").(gorillaConn)
	pings := 0
	answer := c.PingHandler()
	c.SetPingHandler(func(data string) error { pings++; return answer(data) })
	for beats := 0; beats < 3 || pings < 2; beats++ {
		until(t, c, "heartbeat")
	}
}

func TestGorillaRefused(t *testing.T) {
	server := testserver.Start(t)
	for _, test := range []struct {
		name   string
		dialer websocket.Dialer
		header http.Header
		status int
	}{
		{"only other subprotocols", websocket.Dialer{Subprotocols: []string{"mqtt"}}, nil, http.StatusBadRequest},
		{"a foreign origin", websocket.Dialer{}, http.Header{"Origin": {"https://foreign.example"}}, http.StatusForbidden},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, answer, err := test.dialer.Dial(server.WS("channels=a"), test.header)
			if !errors.Is(err, websocket.ErrBadHandshake) || answer.StatusCode != test.status {
				t.Errorf("%v, answer %v", err, answer)
			}
		})
	}
}

func TestGorillaProtocolErrors(t *testing.T) {
	server := testserver.Start(t)
	for _, test := range []struct {
		name string
		wire []byte
		code int
	}{
		{"unmasked", []byte{0x81, 0x02, '{', '}'}, websocket.CloseProtocolError},
		{"reserved bit", []byte{0xc1, 0x80, 0, 0, 0, 0}, websocket.CloseProtocolError},
		{"reserved opcode", []byte{0x83, 0x80, 0, 0, 0, 0}, websocket.CloseProtocolError},
		{"invalid UTF-8", []byte{0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28}, websocket.CloseInvalidFramePayloadData},
		{"continuation of nothing", []byte{0x80, 0x80, 0, 0, 0, 0}, websocket.CloseProtocolError},
		{"fragmented ping", []byte{0x09, 0x80, 0, 0, 0, 0}, websocket.CloseProtocolError},
		{"close with one byte", []byte{0x88, 0x81, 0, 0, 0, 0, 3}, websocket.CloseProtocolError},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := dialGorilla(websocket.Dialer{Subprotocols: []string{"wsbridge.v1"}}, server)(t, "channels=a").(gorillaConn)
			if _, err := c.NetConn().Write(test.wire); err != nil {
				t.Fatal(err)
			}
			for {
				_, _, err := c.ReadMessage()
				if err == nil {
					continue
				}
				if !websocket.IsCloseError(err, test.code) {
					t.Errorf("closed by %v, want %d", err, test.code)
				}
				return
			}
		})
	}
}
