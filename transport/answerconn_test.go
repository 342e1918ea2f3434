package transport_test

import (
	"bufio"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/transport/websocket"
)

// Over HTTP/2 there is no connection to be taken away, and a stream is the same all the same.
func TestStreamsOverHTTP2(t *testing.T) {
	s := open(t, setup{secure: true})
	res := s.stream("/v1/sse?token=ann&channels=a")
	if res.ProtoMajor != 2 || res.Header.Get("Connection") != "" {
		t.Fatalf("%s with Connection %q", res.Proto, res.Header.Get("Connection"))
	}
	l := &sseLine{s: s, r: bufio.NewReader(res.Body)}
	expect(l, "welcome")
	data := `"` + strings.Repeat("x", 100<<10) + `"`
	for range 50 {
		s.publish("a", data)
	}
	for i := range 50 {
		if m := expect(l, "message").Message; m.Pos.Offset != uint64(i+1) {
			t.Fatalf("message %d is %v", i+1, m.Pos)
		}
	}
	res.Body.Close()
	s.awaitClosed("sse", 1000)

	// One that does not read is sent away like any other, and its handler returns: the site's
	// cleanup waits for it.
	s.stream("/v1/http-stream?token=ann&channels=a")
	for range 200 {
		s.publish("a", data)
	}
	s.awaitClosed("http-stream", 4208)
}

// What comes over TLS cannot be watched by the system's poller, and is the same all the same.
func TestWebSocketOverTLS(t *testing.T) {
	s := open(t, setup{secure: true})
	l := s.webSocket("token=ann&channels=a", &websocket.DialOptions{TLS: s.trust})
	expect(l, "welcome")
	expect(l, "subscribed")
	data := `"` + strings.Repeat("x", 100<<10) + `"`
	for range 20 {
		s.publish("a", data)
	}
	for i := range 20 {
		if m := expect(l, "message").Message; m.Pos.Offset != uint64(i+1) {
			t.Fatalf("message %d is %v", i+1, m.Pos)
		}
	}
	if err := l.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	s.awaitClosed("websocket", 1000)
}
