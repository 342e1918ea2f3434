package transport_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport"
	"github.com/wsbridge/wsbridge/transport/websocket"
)

func TestWebSocketConversation(t *testing.T) {
	s := open(t, setup{})
	first := s.publish("a", "0")
	l := s.webSocket("token=ann&client=c1&channels=b", nil)
	if e := expect(l, "welcome"); e.Client != "c1" || e.User != "ann" || e.Heartbeat != 25*time.Second {
		t.Fatalf("%+v", e)
	}
	if e := expect(l, "subscribed"); e.Channel != "b" || e.Ref != "" {
		t.Fatalf("%+v", e)
	}
	l.send(`{"type":"subscribe","ref":2,"channel":"a","since":"0"}`)
	if e := expect(l, "subscribed"); e.Channel != "a" || e.Ref != "2" || e.Pos.Offset != 0 || e.Pos.Epoch != first.Pos.Epoch {
		t.Fatalf("%+v, want the position in front of the oldest", e)
	}
	if e := expect(l, "message"); e.Message.Pos != first.Pos {
		t.Fatalf("%+v", e.Message)
	}
	l.send(`{"type":"publish","ref":3,"channel":"a","event":"said","data":{ "n" : 9007199254740993 }}`)
	var published pubsub.Position
	for range 2 { // the answer and the message, in any order
		switch e := l.next(); e.Type {
		case "ok":
			published = e.Pos
		case "message":
			from := e.Message.From
			if string(e.Message.Data.Bytes) != `{"n":9007199254740993}` || from == nil || from.User != "ann" || from.Client != "c1" {
				t.Fatalf("%+v from %+v", e.Message, from)
			}
		default:
			t.Fatalf("%+v", e)
		}
	}
	l.send(`{"type":"history","ref":4,"channel":"a","since":%q}`, first.Pos)
	if e := expect(l, "ok"); len(e.Messages) != 1 || e.Messages[0].Pos != published || e.Cursor.String() != "a@"+published.String() {
		t.Fatalf("%+v", e)
	}
	l.send(`{"type":"unsubscribe","ref":5,"channel":"a"}`)
	expect(l, "ok")
	s.publish("a", "1")
	s.publish("b", "2")
	if e := expect(l, "message"); e.Message.Channel != "b" {
		t.Fatalf("%+v, want nothing of a", e.Message)
	}
	if err := l.conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
	s.awaitClosed("websocket", 1000)
}

func TestWebSocketIsClosedWhenTheLogIsNeededAndAway(t *testing.T) {
	s := open(t, setup{})
	living := s.webSocket("token=ann&channels=a", nil)
	expect(living, "welcome")
	expect(living, "subscribed")
	s.broker.down.Store(true)
	l := s.webSocket("token=ann&channels=b", nil)
	expect(l, "welcome")
	if e := expect(l, "error"); e.Code != "unavailable" || e.Channel != "b" {
		t.Fatalf("%+v", e)
	}
	if code, _ := l.closed(); code != 4103 {
		t.Fatalf("closed with %d", code)
	}
	living.send(`{"type":"subscribe","ref":1,"channel":"b"}`)
	if e := expect(living, "error"); e.Code != "unavailable" || e.Ref != "1" {
		t.Fatalf("%+v", e)
	}
	living.send(`{"type":"publish","ref":2,"channel":"a","data":1}`)
	if e := expect(living, "error"); e.Code != "unavailable" || e.Ref != "2" {
		t.Fatalf("%+v", e)
	}
	s.broker.down.Store(false)
	s.publish("a", "1")
	expect(living, "message")
}

func TestBadCommandsAreAnsweredAndTheConnectionLivesOn(t *testing.T) {
	s := open(t, setup{Options: transport.Options{MaxMessage: 100}})
	l := s.webSocket("token=ann&channels=a", nil)
	expect(l, "welcome")
	expect(l, "subscribed")
	for _, c := range []struct{ command, code string }{
		{`{"type":"subscribe","ref":1`, "bad_json"},
		{`[1]`, "bad_request"},
		{`{"type":"dance","ref":1}`, "unknown_command"},
		{`{"ref":1}`, "bad_request"},
		{`{"type":"subscribe","ref":1}`, "bad_request"},
		{`{"type":"subscribe","ref":1,"channel":":a"}`, "bad_channel"},
		{`{"type":"subscribe","ref":1,"channel":"b","since":"x"}`, "bad_position"},
		{`{"type":"subscribe","ref":1,"channel":"a"}`, "bad_request"},
		{`{"type":"publish","ref":1,"channel":"a"}`, "bad_message"},
		{`{"type":"publish","ref":1,"channel":"a","data":"` + strings.Repeat("x", 99) + `"}`, "too_large"},
		{`{"type":"presence","ref":1,"channel":"a"}`, "not_supported"},
		{`{"type":"rpc","ref":1,"method":"m"}`, "not_supported"},
		{`{"type":"refresh","ref":1,"token":"garbage"}`, "token_invalid"},
		{`{"type":"refresh","ref":1,"token":"bob"}`, "forbidden"},
	} {
		l.send("%s", c.command)
		e := expect(l, "error")
		if e.Code != c.code {
			t.Errorf("%s: %+v, want %s", c.command, e, c.code)
		}
		if e.Ref == "" && c.code != "bad_json" && c.command != `[1]` {
			t.Errorf("%s: no ref in %+v", c.command, e)
		}
	}
	if err := l.conn.WriteMessage(websocket.OpBinary, []byte{0, 0}); err != nil {
		t.Fatal(err)
	}
	if e := expect(l, "error"); e.Code != "bad_request" {
		t.Errorf("short binary frame: %+v", e)
	}
	s.publish("a", "1")
	expect(l, "message")
}

func TestWebSocketHasAThousandSubscriptions(t *testing.T) {
	s := open(t, setup{})
	l := s.webSocket("token=ann", nil)
	expect(l, "welcome")
	for i := range 1000 {
		l.send(`{"type":"subscribe","ref":1,"channel":"c%d"}`, i)
		expect(l, "subscribed")
	}
	l.send(`{"type":"subscribe","ref":1,"channel":"more"}`)
	if e := expect(l, "error"); e.Code != "limit" {
		t.Fatalf("%+v", e)
	}
}

func TestBinaryDataGoesBothWaysUnchanged(t *testing.T) {
	s := open(t, setup{})
	l := s.webSocket("token=ann&channels=a", nil)
	expect(l, "welcome")
	expect(l, "subscribed")
	want := make([]byte, 70_000)
	rand.Read(want)
	command := `{"type":"publish","ref":1,"channel":"a","event":"pixels"}`
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(command))), command...)
	if err := l.conn.WriteMessage(websocket.OpBinary, append(frame, want...)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		switch e := l.next(); e.Type {
		case "ok":
		case "message":
			if e.Message.Event != "pixels" || !bytes.Equal(e.Message.Data.Bytes, want) {
				t.Fatalf("%d bytes came back otherwise", len(e.Message.Data.Bytes))
			}
			// A resume behind the binary message does not repeat it.
			if a := s.poll("wait=0&cursor=a@" + e.Message.Pos.String()); len(a.Messages) != 0 {
				t.Fatal("the message came again")
			}
		default:
			t.Fatalf("%+v", e)
		}
	}
}

func TestIdempotencyKeysOfClientsCountPerUser(t *testing.T) {
	s := open(t, setup{})
	publish := func(token, data string) (id string, duplicate bool, code string) {
		l := s.webSocket("token="+token, nil)
		expect(l, "welcome")
		l.send(`{"type":"publish","ref":1,"channel":"a","data":%s,"idempotency_key":"k"}`, data)
		e := l.next()
		return e.ID, e.Duplicate, e.Code
	}
	first, _, _ := publish("ann", "1")
	if again, duplicate, _ := publish("ann", "1"); again != first || !duplicate {
		t.Errorf("%s, duplicate %v; want %s again", again, duplicate, first)
	}
	if _, _, code := publish("ann", "2"); code != "key_reused" {
		t.Errorf("other data: %q", code)
	}
	if other, duplicate, _ := publish("bob", "2"); other == first || duplicate {
		t.Error("bob met ann's key")
	}
}

func TestRefreshKeepsTheConnectionAndTakesRights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		l := s.webSocket("token=soon&channels=a,b", nil)
		expect(l, "welcome")
		expect(l, "subscribed")
		expect(l, "subscribed")
		time.Sleep(20 * time.Second)
		l.send(`{"type":"refresh","ref":7,"token":"narrow"}`)
		if e := expect(l, "ok"); e.Ref != "7" {
			t.Errorf("%+v", e)
		}
		if e := expect(l, "unsubscribed"); e.Channel != "b" || e.Code != "forbidden" {
			t.Errorf("%+v", e)
		}
		for beats := 0; beats < 4; beats++ { // far beyond the first token
			expect(l, "heartbeat")
		}
		s.publish("b", "1")
		s.publish("a", "2")
		if e := expect(l, "message"); e.Message.Channel != "a" {
			t.Errorf("%+v", e.Message)
		}
	})
}

func TestWebSocketIsClosedWhenItsTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		l := s.webSocket("token=soon&channels=a", nil)
		start := time.Now()
		code, _ := l.closed()
		if took := time.Since(start); code != 4203 || took < 40*time.Second || took > 41*time.Second {
			t.Errorf("closed with %d after %v", code, took)
		}
		s.awaitClosed("websocket", 4203)
	})
}

func TestWebSocketHeartbeatAndPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		l := s.webSocket("token=ann", nil)
		expect(l, "welcome")
		start := time.Now()
		for range 10 { // the peer answers pings while it reads, and so lives
			expect(l, "heartbeat")
		}
		if took := time.Since(start); took < 250*time.Second || took > 252*time.Second {
			t.Errorf("ten heartbeats took %v", took)
		}
	})
}

// The peer's kernel takes bytes, but nobody is there any more.
func TestSilentPeerIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		l := s.webSocket("token=ann", nil)
		expect(l, "welcome")
		start := time.Now()
		buf, nc := make([]byte, 1<<10), l.raw()
		for {
			if _, err := nc.Read(buf); err != nil {
				break
			}
		}
		if took := time.Since(start); took < 50*time.Second || took > 80*time.Second {
			t.Errorf("closed after %v", took)
		}
		s.awaitClosed("websocket", 1006)
	})
}

func TestHandshakesThatAreRefused(t *testing.T) {
	s := open(t, setup{})
	upgrade := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}
	for _, c := range []struct {
		name   string
		header []string
		status int
		code   string
	}{
		{"no upgrade", nil, 426, "upgrade_required"},
		{"other subprotocols only", append(upgrade[:4:4], "Sec-WebSocket-Protocol: mqtt"), 400, "bad_request"},
		{"foreign origin", append(upgrade[:4:4], "Origin: https://evil.example"), 403, "origin"},
		{"old version", append(upgrade[:2:2], "Sec-WebSocket-Version: 8", upgrade[3]), 426, "upgrade_required"},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := s.request("GET", "/v1/ws?token=ann", "", c.header...)
			body := string(s.read(res))
			if res.StatusCode != c.status || !strings.Contains(body, `"code":"`+c.code+`"`) {
				t.Errorf("%d %s, want %d %s", res.StatusCode, body, c.status, c.code)
			}
			if c.status == 426 && res.Header.Get("Sec-WebSocket-Version") != "13" {
				t.Error("no Sec-WebSocket-Version")
			}
		})
	}
	l := s.webSocket("token=ann", &websocket.DialOptions{Subprotocols: []string{"mqtt", transport.Subprotocol}})
	if got := l.conn.Subprotocol(); got != transport.Subprotocol {
		t.Errorf("subprotocol %q", got)
	}
}

func TestTokenInTheAuthorizationHeader(t *testing.T) {
	s := open(t, setup{})
	l := s.webSocket("token=bob", &websocket.DialOptions{Header: http.Header{"Authorization": {"Bearer ann"}}})
	if e := expect(l, "welcome"); e.User != "ann" {
		t.Fatalf("%+v, want the header to beat the query", e)
	}
}

// The forms that a client can get, all of one message.
func TestDeflatedAndPlainClientsGetTheSame(t *testing.T) {
	s := open(t, setup{})
	plain := s.webSocket("token=ann&channels=a", nil)
	deflated := s.webSocket("token=ann&channels=a", &websocket.DialOptions{Deflate: &websocket.DeflateOptions{}})
	takeover := s.webSocket("token=ann&channels=a", &websocket.DialOptions{Deflate: &websocket.DeflateOptions{ServerMaxWindowBits: 9}})
	if !agreed(deflated.conn) {
		t.Fatal("compression was not agreed on")
	}
	data := `"` + strings.Repeat("repeat ", 1000) + `"`
	for i, l := range []*socketLine{plain, deflated, takeover} {
		expect(l, "welcome")
		expect(l, "subscribed")
		if i == 2 {
			for n := range 20 {
				s.publish("a", data[:len(data)-1]+strconv.Itoa(n)+`"`)
			}
		}
	}
	for _, l := range []*socketLine{plain, deflated, takeover} {
		for n := range 20 {
			if e := expect(l, "message"); string(e.Message.Data.Bytes) != data[:len(data)-1]+strconv.Itoa(n)+`"` {
				t.Fatalf("message %d: %.40s…", n, e.Message.Data.Bytes)
			}
		}
	}
}

func agreed(c *websocket.Conn) bool {
	params, ok := c.Deflated()
	return ok && params.ServerNoContextTakeover
}

func TestLongCommandClosesTheConnection(t *testing.T) {
	s := open(t, setup{Options: transport.Options{MaxMessage: 1000}})
	l := s.webSocket("token=ann", nil)
	expect(l, "welcome")
	if err := l.conn.WriteMessage(websocket.OpText, make([]byte, 100<<10)); err != nil {
		t.Fatal(err)
	}
	if code, _ := l.closed(); code != 1009 {
		t.Fatalf("closed with %d", code)
	}
}

func TestCancelledDialLeavesNothing(t *testing.T) {
	s := open(t, setup{})
	ctx, cancel := context.WithCancel(context.Background())
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.url, "http")+"/v1/ws", nil)
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	conn.CloseNow()
	s.awaitClosed("websocket", 1006)
}
