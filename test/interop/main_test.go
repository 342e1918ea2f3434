// Package interop holds wsbridge against clients that are not ours: gorilla/websocket and
// coder/websocket here, the npm client ws and curl in the files for node:test beside it.
package interop

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/test/testserver"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// A frame is what the server says in a text frame, or in front of a binary one's payload.
type frame struct {
	Type, Channel, Pos, Code, Event string
	Ref                             int
	Duplicate                       bool
	Data                            json.RawMessage
	payload                         []byte
}

func parseText(t *testing.T, text []byte) (f frame) {
	t.Helper()
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f
}

func parseBinary(t *testing.T, b []byte) frame {
	t.Helper()
	if len(b) < 4 {
		t.Fatalf("a binary frame of %d bytes", len(b))
	}
	n := int(binary.BigEndian.Uint32(b))
	if n > len(b)-4 {
		t.Fatalf("a binary frame of %d bytes says that %d bytes of JSON follow", len(b), n)
	}
	f := parseText(t, b[4:4+n])
	f.payload = b[4+n:]
	return f
}

// publishFrame is the binary frame that publishes payload.
func publishFrame(channel string, ref int, payload []byte) []byte {
	head, err := json.Marshal(map[string]any{"type": "publish", "ref": ref, "channel": channel})
	if err != nil {
		panic(err)
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(len(head)))
	return append(append(b, head...), payload...)
}

func publishText(channel string, ref int, text string) []byte {
	b, err := json.Marshal(map[string]any{"type": "publish", "ref": ref, "channel": channel, "data": text})
	if err != nil {
		panic(err)
	}
	return b
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// compressible is long enough for every client to compress it.
var compressible = strings.Repeat("again and again, äöü 𝄞 ", 400)

// A conn is one connection of a foreign client, as the scripts below need it.
type conn interface {
	read(t *testing.T) frame
	write(t *testing.T, binary bool, p []byte)
	writeFragments(t *testing.T, p []byte, size int)
	close(t *testing.T, code int) (answered int) // the code of the server's close frame
	ping(t *testing.T)                           // returns when the pong came
}

// until reads up to the next frame of a type.
func until(t *testing.T, c conn, kind string) frame {
	t.Helper()
	for {
		f := c.read(t)
		switch f.Type {
		case kind:
			return f
		case "error":
			t.Fatalf("waiting for %s: error %s", kind, f.Code)
		}
	}
}

// converse is the script that every client goes through: subscribe, receive text and
// binary from a backend, publish both, in fragments too, ping, resume, close.
func converse(t *testing.T, server *testserver.Server, dial func(t *testing.T, query string) conn) {
	const channel = "interop:1"
	c := dial(t, "channels="+channel)
	until(t, c, "subscribed")

	server.Publish(t, channel, "application/json", `{"n": 9007199254740993}`)
	if f := until(t, c, "message"); string(f.Data) != `{"n":9007199254740993}` {
		t.Errorf("data %s", f.Data)
	}
	bytesIn := randomBytes(70000)
	first := server.Publish(t, channel, "application/octet-stream", string(bytesIn))
	if f := until(t, c, "message"); f.Pos != first || !bytes.Equal(f.payload, bytesIn) {
		t.Errorf("pos %s, not %s, or %d other bytes", f.Pos, first, len(f.payload))
	}

	// The answer and the message may come in either order.
	exchange := func(ref int) (ok, message frame) {
		t.Helper()
		for ok.Type == "" || message.Type == "" {
			switch f := c.read(t); f.Type {
			case "ok":
				ok = f
			case "message":
				message = f
			case "error":
				t.Fatalf("publish: error %s", f.Code)
			}
		}
		if ok.Ref != ref || ok.Pos != message.Pos {
			t.Errorf("answer %+v for message at %s", ok, message.Pos)
		}
		return ok, message
	}
	quoted, _ := json.Marshal(compressible)
	c.write(t, false, publishText(channel, 1, compressible))
	if _, m := exchange(1); !sameJSON(m.Data, quoted) {
		t.Errorf("text came back as %.60s…", m.Data)
	}
	bytesOut := randomBytes(70000)
	c.write(t, true, publishFrame(channel, 2, bytesOut))
	if _, m := exchange(2); !bytes.Equal(m.payload, bytesOut) {
		t.Errorf("%d other bytes came back", len(m.payload))
	}
	c.writeFragments(t, publishText(channel, 3, compressible), 7)
	_, last := exchange(3)
	if !sameJSON(last.Data, quoted) {
		t.Errorf("fragmented text came back as %.60s…", last.Data)
	}
	c.ping(t)
	if code := c.close(t, 4321); code != 4321 {
		t.Errorf("close 4321 was answered with %d", code)
	}

	c = dial(t, "cursor="+channel+"@"+first)
	if f := until(t, c, "subscribed"); f.Pos != first {
		t.Errorf("resumed at %s, not %s", f.Pos, first)
	}
	for {
		f := until(t, c, "message")
		if f.Pos == last.Pos {
			break
		}
	}
	c.write(t, false, []byte(`{"type":"dance","ref":9}`))
	if f := c.read(t); f.Type != "error" || f.Code != "unknown_command" || f.Ref != 9 {
		t.Errorf("a bad command was answered with %+v", f)
	}
	if code := c.close(t, 1000); code != 1000 {
		t.Errorf("close 1000 was answered with %d", code)
	}
}

func sameJSON(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && x == y
}
