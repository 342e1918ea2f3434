package main

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wsbridge/wsbridge/transport/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestEcho sends messages from empty to far above any buffer, whole and in pieces, and wants them back unchanged.
func TestEcho(t *testing.T) {
	for name, deflate := range map[string]bool{"plain": false, "deflate": true} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler(deflate))
			defer server.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			conn, _, err := websocket.Dial(ctx, strings.Replace(server.URL, "http", "ws", 1), &websocket.DialOptions{
				Deflate: &websocket.DeflateOptions{},
				Options: websocket.Options{Limits: websocket.Limits{MaxMessage: -1}},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseNow()
			if _, on := conn.Deflated(); on != deflate {
				t.Fatalf("compression is %v", on)
			}
			for _, size := range []int{0, 1, 1000, 1 << 16, 5 << 20} {
				sent := bytes.Repeat([]byte("a flowing river "), size/16+1)[:size]
				done := make(chan error, 1)
				go func() { done <- send(conn, sent) }()
				op, message, err := conn.Next(ctx)
				if err != nil || op != websocket.OpBinary {
					t.Fatal(op, err)
				}
				got, err := io.ReadAll(message)
				if err != nil || !bytes.Equal(got, sent) {
					t.Fatalf("%d bytes came back as %d: %v", size, len(got), err)
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
			if err := conn.Close(websocket.StatusNormalClosure, "bye"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func send(conn *websocket.Conn, p []byte) error {
	w, err := conn.Writer(websocket.OpBinary)
	if err != nil {
		return err
	}
	if _, err := w.Write(p[:len(p)/3]); err != nil {
		return err
	}
	if _, err := w.Write(p[len(p)/3:]); err != nil {
		return err
	}
	return w.Close()
}
