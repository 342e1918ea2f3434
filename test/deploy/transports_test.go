package deploy

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/test/deploy/balancer"
	"github.com/wsbridge/wsbridge/test/testserver"
	"github.com/wsbridge/wsbridge/transport/websocket"
)

// A way is how a client connects.
type way struct {
	raw.Transport
	get     bool
	deflate *websocket.DeflateOptions
}

func (w way) String() string {
	name := w.Transport.String()
	if w.get {
		name += " by GET"
	}
	if w.deflate != nil {
		name += " compressed"
	}
	return name
}

var ways = []way{
	{Transport: raw.WebSocket},
	{Transport: raw.WebSocket, deflate: &websocket.DeflateOptions{}},
	{Transport: raw.SSE}, {Transport: raw.SSE, get: true},
	{Transport: raw.HTTPStream}, {Transport: raw.HTTPStream, get: true},
	{Transport: raw.LongPoll}, {Transport: raw.LongPoll, get: true},
	{Transport: raw.Poll}, {Transport: raw.Poll, get: true},
}

func (w way) options(url string, channels ...pubsub.Channel) raw.Options {
	return raw.Options{
		URL: url, Transport: w.Transport, Get: w.get, Deflate: w.deflate, Channels: channels,
		Interval: 1, // a poll after the other
	}
}

func open(t *testing.T, o raw.Options) *raw.Line {
	t.Helper()
	line, err := raw.Open(patient(t), o)
	if err != nil {
		t.Fatalf("%v: %v", o.Transport, err)
	}
	t.Cleanup(func() { line.CloseNow() })
	return line
}

// until returns the next event of a type.
func until(t *testing.T, line *raw.Line, kind string) raw.Event {
	t.Helper()
	ctx := patient(t)
	for {
		e, err := line.Next(ctx)
		switch {
		case err != nil:
			t.Fatalf("waiting for %s: %v", kind, err)
		case e.Type == raw.Failed:
			t.Fatalf("waiting for %s: %s, %s", kind, e.Code, e.Detail)
		case e.Type == kind:
			return e
		}
	}
}

func publish(t *testing.T, url string, channel pubsub.Channel, contentType string, body []byte) {
	t.Helper()
	a := ask(t, fmt.Sprintf("%s/v1/channels/%s/messages", url, channel), string(body), "Content-Type", contentType)
	if a.status != http.StatusCreated {
		t.Fatalf("publish: %d %s", a.status, a.body)
	}
}

func subscribers(t *testing.T, url string, channel pubsub.Channel) int {
	t.Helper()
	var info struct{ Subscribers int }
	a := ask(t, fmt.Sprintf("%s/v1/channels/%s", url, channel), "")
	if err := json.Unmarshal([]byte(a.body), &info); err != nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
	return info.Subscribers
}

// TestTransports: every message comes at once, since behind it nothing is sent that could push
// it out of a buffer, no heartbeat either.
func TestTransports(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		server := testserver.Start(t, "WSBRIDGE_HEARTBEAT=10m")
		b := balancer.Start(t, kind, []string{server.Addr})
		for i, w := range ways {
			t.Run(w.String(), func(t *testing.T) {
				t.Parallel()
				channel := pubsub.Channel(fmt.Sprintf("way:%d", i))
				line := open(t, w.options(b.URL(""), channel))
				until(t, line, raw.Welcome)
				if w.Transport == raw.WebSocket {
					until(t, line, raw.Subscribed)
				}
				payload := make([]byte, 70_000)
				rand.Read(payload)
				for _, data := range [][]byte{[]byte(`{"n":9007199254740993}`), payload, []byte("1")} {
					contentType := "application/json"
					if len(data) == len(payload) {
						contentType = "application/octet-stream"
					}
					publish(t, b.URL(""), channel, contentType, data)
					if m := until(t, line, raw.Message).Message; !bytes.Equal(m.Data.Bytes, data) {
						t.Errorf("%d bytes became %d others", len(data), len(m.Data.Bytes))
					}
				}
				if w.Transport == raw.Poll {
					return
				}
				go func() { // a poll is sent when the answer before it has been taken
					for err := error(nil); err == nil; {
						_, err = line.Next(t.Context())
					}
				}()
				eventually(t, "the server knows of one subscriber", func() bool { return subscribers(t, b.URL(""), channel) == 1 })
				line.CloseNow()
				eventually(t, "the server knows that it has gone", func() bool { return subscribers(t, b.URL(""), channel) == 0 })
			})
		}
	})
}

// TestCommandsOfClients publishes over the WebSocket, and by /v1/send.
func TestCommandsOfClients(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		server := testserver.Start(t)
		b := balancer.Start(t, kind, []string{server.Addr})
		conn, _, err := gorilla.DefaultDialer.DialContext(patient(t), "ws://"+b.Addr+"/v1/ws?channels=a", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		said := func(want string) {
			t.Helper()
			for {
				_, text, err := conn.ReadMessage()
				if err != nil {
					t.Fatalf("waiting for %s: %v", want, err)
				}
				if bytes.Contains(text, []byte(want)) {
					return
				}
			}
		}
		said(`"subscribed"`)
		command := `{"type":"publish","ref":1,"channel":"a","data":"over the socket"}`
		if err := conn.WriteMessage(gorilla.TextMessage, []byte(command)); err != nil {
			t.Fatal(err)
		}
		said(`"over the socket"`)
		command = `{"type":"publish","channel":"a","data":"by a request"}`
		if a := ask(t, b.URL("/v1/send"), command, "Content-Type", "text/plain"); a.status != http.StatusOK {
			t.Errorf("send: %d %s", a.status, a.body)
		}
		said(`"by a request"`)
		goodbye := gorilla.FormatCloseMessage(4321, "done")
		if err := conn.WriteControl(gorilla.CloseMessage, goodbye, time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := conn.ReadMessage(); !gorilla.IsCloseError(err, 4321) {
			t.Errorf("the close was answered with %v", err)
		}
	})
}
