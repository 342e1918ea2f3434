package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/wsbridge/wsbridge/transport/websocket"
)

// BenchmarkDelivery is the time from publishing a message until a hundred clients on its channel
// have it, over each transport. ns/delivery is one client's part, its own side included.
func BenchmarkDelivery(b *testing.B) {
	const clients = 100
	for _, transport := range []struct {
		name string
		open func(*testing.B, *site) (receive func())
	}{{"websocket", openSocket}, {"sse", openEvents}, {"long-poll", openPoll}} {
		b.Run(transport.name, func(b *testing.B) {
			s := openSite(b)
			var all []func()
			for range clients {
				all = append(all, transport.open(b, s))
			}
			for b.Loop() {
				s.publish(b, "c")
				for _, receive := range all {
					receive()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*clients), "ns/delivery")
		})
	}
}

func openSocket(b *testing.B, s *site) (receive func()) {
	c := dialSocket(b, s)
	b.Cleanup(func() { c.CloseNow() })
	var buf []byte
	return func() {
		_, text, err := c.ReadMessage(context.Background(), buf)
		if err != nil || !bytes.HasPrefix(text, []byte(`{"type":"message"`)) {
			b.Fatalf("%s, %v", text, err)
		}
		buf = text
	}
}

// dialSocket connects a WebSocket and returns when it is subscribed.
func dialSocket(b *testing.B, s *site) *websocket.Conn {
	c, _, err := websocket.Dial(context.Background(), s.socketURL("c"), nil)
	if err != nil {
		b.Fatal(err)
	}
	for _, kind := range []string{"welcome", "subscribed"} {
		if _, text, err := c.ReadMessage(context.Background(), nil); err != nil || !bytes.HasPrefix(text, []byte(`{"type":"`+kind)) {
			b.Fatalf("%s, %v", text, err)
		}
	}
	return c
}

func openEvents(b *testing.B, s *site) (receive func()) {
	c := s.dial(b)
	c.send([]byte("GET /v1/sse?channels=c HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	receive = func() {
		for {
			text, err := c.r.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if bytes.HasPrefix(text, []byte("data: ")) {
				return
			}
		}
	}
	receive() // welcome
	return receive
}

func openPoll(b *testing.B, s *site) (receive func()) {
	c := s.dial(b)
	poll := func(cursor []byte, wait int) {
		c.send(fmt.Appendf(nil, "GET /v1/poll?channels=c&wait=%d&cursor=%s HTTP/1.1\r\nHost: localhost\r\n\r\n", wait, cursor))
	}
	poll(nil, 0)
	poll(cursor(b, c.answer(http.StatusOK)), 55)
	return func() {
		answer := c.answer(http.StatusOK)
		if !bytes.HasPrefix(answer, []byte(`{"messages":[{"channel":"c"`)) {
			b.Fatalf("a poll was answered with %s", answer)
		}
		poll(cursor(b, answer), 55)
	}
}

// cursor finds it near the end of a poll's answer.
func cursor(b *testing.B, answer []byte) []byte {
	const name = `"cursor":"`
	at := bytes.LastIndex(answer, []byte(name))
	if at < 0 {
		b.Fatalf("no cursor in %s", answer)
	}
	cursor, _, _ := bytes.Cut(answer[at+len(name):], []byte(`"`))
	return cursor
}
