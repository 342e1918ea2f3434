package raw

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// answerCommands accepts a WebSocket and answers each command with an ok, after having
// given it to got.
func answerCommands(t *testing.T, o *websocket.AcceptOptions, got chan<- wire.Command) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, o)
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			op, frame, err := c.ReadMessage(t.Context(), nil)
			if err != nil {
				close(got)
				return
			}
			parse := wire.ParseCommand
			if op == websocket.OpBinary {
				parse = wire.ParseBinaryCommand
			}
			command, bad := parse(frame)
			if bad != nil {
				t.Error(bad)
			}
			got <- command
			c.WriteMessage(websocket.OpText, wire.AppendOK(nil, command.Ref))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestSend(t *testing.T) {
	got := make(chan wire.Command, 10)
	line := dial(t, Options{URL: answerCommands(t, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}}, got), ClientID: "me"})
	sent := []wire.Command{
		{Type: wire.Connect, Ref: "1", Client: "me", Limit: wire.DefaultLimit},
		{Type: wire.Subscribe, Ref: "2", Channel: "a", Since: pubsub.Behind(pubsub.Position{}), Limit: wire.DefaultLimit},
		{Type: wire.Publish, Ref: "3", Channel: "a", Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte("7")}, Limit: wire.DefaultLimit},
		{Type: wire.Publish, Ref: "4", Channel: "a", Data: pubsub.Data{Kind: pubsub.Binary, Bytes: []byte{0, 0xff}}, Limit: wire.DefaultLimit},
	}
	for _, command := range sent[1:] {
		if err := line.Send(command); err != nil {
			t.Fatal(err)
		}
	}
	// The answer to the line's own connect is not shown.
	events, err := collect(t, line, func(e Event) bool { return e.Ref == "4" })
	if err != nil || len(events) != 3 || events[0].Ref != "2" {
		t.Errorf("answered: %+v, %v", events, err)
	}
	line.Close()
	var received []wire.Command
	for command := range got {
		received = append(received, command)
	}
	if diff := cmp.Diff(sent, received); diff != "" {
		t.Errorf("sent (-) and received (+) differ:\n%s", diff)
	}
}

func TestSendNeedsAWebSocket(t *testing.T) {
	line := dial(t, Options{URL: serve(t, &script{hold: true}), Transport: SSE})
	if err := line.Send(wire.Command{Type: wire.Presence, Channel: "a"}); err == nil {
		t.Error("a stream took a command")
	}
}

func TestServerWithoutTheSubprotocol(t *testing.T) {
	_, err := Open(t.Context(), Options{URL: answerCommands(t, nil, make(chan wire.Command, 1))})
	if v, ok := err.(*Violation); !ok || v.Detail != "the server does not speak wsbridge.v1" {
		t.Errorf("Open returned %v", err)
	}
}

func TestDeflateIsOffered(t *testing.T) {
	l := newLog("a", "aaaa")
	got := make(chan bool, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, Deflate: &websocket.DeflateOptions{Threshold: -1}})
		if err != nil {
			return
		}
		defer c.CloseNow()
		_, agreed := c.Deflated()
		got <- agreed
		c.WriteMessage(websocket.OpText, wire.AppendWelcomeEvent(nil, "c7", "", time.Second))
		c.WriteMessage(websocket.OpText, wire.AppendSubscribed(nil, "", "a", l.pos))
		m := l.next()
		c.WriteMessage(websocket.OpText, wire.AppendMessageEvent(nil, &m))
		c.ReadMessage(t.Context(), nil)
		c.ReadMessage(t.Context(), nil)
	}))
	defer server.Close()
	line := dial(t, Options{URL: server.URL, Channels: []pubsub.Channel{"a"}, Deflate: &websocket.DeflateOptions{}})
	if !<-got {
		t.Error("no compression was agreed on")
	}
	if _, err := collect(t, line, func(e Event) bool { return e.Message != nil }); err != nil {
		t.Error(err)
	}
	line.Close()
}
