package behaviour

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// badQueries are wrong on each endpoint that takes a query, WebSockets included.
var badQueries = []struct{ name, query, code string }{
	{"channel with a space", "channels=a%20b", "bad_channel"},
	{"channel of dots", "channels=..", "bad_channel"},
	{"channel with a leading colon", "channels=:a", "bad_channel"},
	{"channel too long", "channels=" + strings.Repeat("a", 201), "bad_channel"},
	{"cursor without position", "cursor=a@", "bad_cursor"},
	{"cursor of rubbish", "cursor=a@b@c", "bad_cursor"},
	{"cursor with a channel twice", "cursor=a@0,a@0", "bad_cursor"},
	{"cursor with a huge offset", "cursor=a@e-99999999999999999999-00000000", "bad_cursor"},
	{"client with a space", "channels=a&client=b%20c", "bad_request"},
	{"wait of rubbish", "channels=a&wait=soon", "bad_request"},
	{"wait below zero", "channels=a&wait=-1", "bad_request"},
	{"limit of zero", "channels=a&limit=0", "bad_request"},
}

// badBodies are wrong on each endpoint that takes a POST of a request.
var badBodies = []struct {
	name, body, header string
	refusal            string
}{
	{"no JSON", `{"channels":`, "", "400 bad_json"},
	{"not UTF-8", "{\"client\":\"\xff\"}", "", "400 bad_json"},
	{"a list", `["a"]`, "", "400 bad_request"},
	{"too deep", `{"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}`, "", "400 bad_json"},
	{"channels of numbers", `{"channels":[1]}`, "", "400 bad_request"},
	{"too many channels", `{"channels":"` + strings.Repeat("a,", 100) + `a"}`, "", "400 too_many_channels"},
	{"too large", `{"channels":"` + strings.Repeat("a", 100_000) + `"}`, "", "413 too_large"},
	{"a form", `channels=a`, "Content-Type: application/x-www-form-urlencoded", "415 unsupported_media_type"},
	{"nothing to subscribe to", `{}`, "", "400 bad_request"},
}

// TestBadRequests sends what is wrong and then holds the server against its ordinary work.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	auth := "Authorization: Bearer " + s.token()
	for _, path := range []string{"/v1/poll", "/v1/sse", "/v1/http-stream"} {
		for _, bad := range badQueries {
			if r := s.do(t, request{path: path + "?" + bad.query, header: []string{auth}, head: true}); r.refusal() != "400 "+bad.code {
				t.Errorf("%s, %s: %s, want 400 %s", path, bad.name, r.refusal(), bad.code)
			}
		}
		for _, bad := range badBodies {
			q := request{path: path, body: bad.body, header: []string{auth}, head: true}
			if bad.header != "" {
				q.header = append(q.header, bad.header)
			}
			if r := s.do(t, q); r.refusal() != bad.refusal {
				t.Errorf("%s, %s: %s, want %s", path, bad.name, r.refusal(), bad.refusal)
			}
		}
		if r := s.do(t, request{method: http.MethodPut, path: path}); r.refusal() != "405 method_not_allowed" || r.header.Get("Allow") == "" {
			t.Errorf("PUT %s: %s, Allow %q", path, r.refusal(), r.header.Get("Allow"))
		}
	}
	for _, bad := range badQueries {
		if how, code := s.refusedQuery(t, bad.query); how != 4000 || code != bad.code {
			t.Errorf("WebSocket, %s: %d %s, want 4000 %s", bad.name, how, code, bad.code)
		}
	}
	for _, bad := range []struct{ method, path, header, refusal string }{
		{"GET", "/v1/ws", "", "426 upgrade_required"},
		{"GET", "/v1/ws", "Sec-WebSocket-Version: 12", "426 upgrade_required"},
		{"POST", "/v1/ws", "", "405 method_not_allowed"},
		{"GET", "/v1/send", "", "405 method_not_allowed"},
		{"GET", "/v1/nowhere", "", "404 not_found"},
		{"GET", "/", "", "404 not_found"},
	} {
		q := request{method: bad.method, path: bad.path, header: []string{auth, "X-Test: 1"}}
		if bad.header != "" {
			q.header = append(q.header, bad.header, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
		}
		if r := s.do(t, q); r.refusal() != bad.refusal {
			t.Errorf("%s %s %s: %s, want %s", bad.method, bad.path, bad.header, r.refusal(), bad.refusal)
		}
	}
	s.works(t)
}

func (s *server) refusedQuery(t *testing.T, query string) (int, string) {
	t.Helper()
	conn := s.dial(t, query)
	code := ""
	for {
		frame, err := conn.hear()
		if err != nil {
			return int(websocket.CloseStatus(err)), code
		}
		if e, err := wire.ParseEvent(frame); err == nil {
			code = e.Code
		}
	}
}

// works holds the server against its ordinary work.
func (s *server) works(t *testing.T) {
	t.Helper()
	for _, transport := range raw.Transports() {
		j := s.journal(t, named(t, "works-"+transport.String()))
		l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{j.channel}})
		j.follow(t, l, 0)
	}
}

// badCommands get an error with their ref, and the WebSocket lives on.
var badCommands = []struct{ name, command, ref, code string }{
	{"no JSON", `{"type":`, "", "bad_json"},
	{"a list", `[]`, "", "bad_request"},
	{"two values", `{"type":"connect"} {}`, "", "bad_json"},
	{"no type", `{"ref":20}`, "20", "bad_request"},
	{"unknown", `{"type":"dance","ref":21}`, "21", "unknown_command"},
	{"ref of text", `{"type":"subscribe","ref":"x","channel":"a"}`, "", "bad_request"},
	{"no channel", `{"type":"subscribe","ref":22}`, "22", "bad_request"},
	{"bad channel", `{"type":"subscribe","ref":23,"channel":"a b"}`, "23", "bad_channel"},
	{"bad position", `{"type":"subscribe","ref":24,"channel":"a","since":"1"}`, "24", "bad_position"},
	{"subscribed already", `{"type":"subscribe","ref":25,"channel":"orders:here"}`, "25", "bad_request"},
	{"publish of nothing", `{"type":"publish","ref":26,"channel":"a"}`, "26", "bad_message"},
	{"two payloads", `{"type":"publish","ref":27,"channel":"a","data":1,"data_base64":"AA=="}`, "27", "bad_request"},
	{"broken base64", `{"type":"publish","ref":28,"channel":"a","data_base64":"!"}`, "28", "bad_request"},
	{"too large", `{"type":"publish","ref":29,"channel":"a","data":"` + strings.Repeat("x", 256<<10) + `"}`, "29", "too_large"},
	{"limit of zero", `{"type":"history","ref":30,"channel":"a","limit":0}`, "30", "bad_request"},
	{"refresh of garbage", `{"type":"refresh","ref":31,"token":"garbage"}`, "31", "token_invalid"},
	{"presence", `{"type":"presence","ref":32,"channel":"a"}`, "32", "not_supported"},
	{"rpc", `{"type":"rpc","ref":33,"method":"m","data":1}`, "33", "not_supported"},
}

func TestBadCommands(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	conn := s.dial(t, "channels=orders:here&token="+s.token())
	for range 2 { // welcome, subscribed
		if _, err := conn.hear(); err != nil {
			t.Fatal(err)
		}
	}
	errorOf := func(what string) wire.Event {
		t.Helper()
		frame, err := conn.hear()
		if err != nil {
			t.Fatalf("%s: the connection ended: %v", what, err)
		}
		e, err := wire.ParseEvent(frame)
		if err != nil {
			t.Fatalf("%s: %s: %v", what, frame, err)
		}
		return e
	}
	for _, bad := range badCommands {
		conn.say(bad.command)
		if e := errorOf(bad.name); e.Type != wire.EventError || string(e.Ref) != bad.ref || e.Code != bad.code || e.Detail == "" {
			t.Errorf("%s: %s ref %q, %s %q; want %s for %q", bad.name, e.Type, e.Ref, e.Code, e.Detail, bad.code, bad.ref)
		}
	}
	frame := func(length uint32, text string) []byte {
		return append(binary.BigEndian.AppendUint32(nil, length), text...)
	}
	for name, bad := range map[string][]byte{
		"an empty frame":        {},
		"half a length":         {0, 0},
		"a length beyond":       frame(100, `{"type":"publish"}`),
		"a length of 4 GiB":     frame(1<<32-1, `{"type":"publish"}`),
		"no publish":            frame(35, `{"type":"subscribe","channel":"a"} `),
		"no JSON in the frame":  frame(3, `{{{payload`),
		"the data stands twice": frame(41, `{"type":"publish","channel":"a","data":1}x`),
	} {
		if err := conn.WriteMessage(websocket.OpBinary, bad); err != nil {
			t.Fatal(err)
		}
		if e := errorOf(name); e.Type != wire.EventError || e.Code != "bad_request" && e.Code != "bad_json" {
			t.Errorf("%s: %s %s", name, e.Type, e.Code)
		}
	}
	// After all that it is still there.
	s.publish(t, "orders:here", "1")
	if e := errorOf("a message"); e.Type != wire.EventMessage {
		t.Errorf("%s %s came, want the message", e.Type, e.Code)
	}
	s.works(t)
}

// mask is a key that leaves the payload readable.
var mask = [4]byte{}

func TestBadFrames(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	masked := func(op websocket.Opcode, fin, rsv1 bool, payload string) []byte {
		return websocket.AppendMaskedFrame(nil, op, fin, rsv1, []byte(payload), mask)
	}
	huge := masked(websocket.OpText, true, false, "")[:1]
	huge = append(append(huge, 0x80|127), binary.BigEndian.AppendUint64(nil, 1<<40)...)
	for name, bad := range map[string]struct {
		bytes []byte
		code  websocket.StatusCode
	}{
		"unmasked":             {websocket.AppendFrame(nil, websocket.OpText, true, false, []byte("{}")), 1002},
		"reserved bit":         {masked(websocket.OpText, true, true, "{}"), 1002},
		"reserved opcode":      {masked(websocket.Opcode(3), true, false, "{}"), 1002},
		"fragmented ping":      {masked(websocket.OpPing, false, false, ""), 1002},
		"long ping":            {masked(websocket.OpPing, true, false, strings.Repeat("p", 126)), 1002},
		"continuation at once": {masked(websocket.OpContinuation, true, false, "{}"), 1002},
		"not UTF-8":            {masked(websocket.OpText, true, false, "\"\xff\""), 1007},
		"bad close code":       {masked(websocket.OpClose, true, false, "\x03\xed"), 1002},
		"larger than allowed":  {append(huge, mask[:]...), 1009},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			conn := s.dial(t, "channels=orders:here&token="+s.token())
			if _, err := conn.NetConn().Write(bad.bytes); err != nil {
				t.Fatal(err)
			}
			for {
				if _, err := conn.hear(); err != nil {
					if got := websocket.CloseStatus(err); got != bad.code {
						t.Errorf("closed with %d (%v), want %d", got, err, bad.code)
					}
					break
				}
			}
			s.works(t)
		})
	}
}

// Bad publishes are refused one by one, with the reason, and store nothing.
func TestBadPublishes(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	c := named(t, "orders")
	for _, bad := range []struct{ name, path, body, header, refusal string }{
		{"no JSON", messagesOf(c), `{`, "", "400 bad_json"},
		{"two values", messagesOf(c), `1 2`, "", "400 bad_json"},
		{"not UTF-8", messagesOf(c), "\"\xff\"", "", "400 bad_json"},
		{"bad channel", messagesOf("a%20b"), `1`, "", "400 bad_channel"},
		{"too large", messagesOf(c), `"` + strings.Repeat("x", 256<<10) + `"`, "", "413 too_large"},
		{"a form", messagesOf(c), `a=b`, "Content-Type: application/x-www-form-urlencoded", "415 unsupported_media_type"},
		{"bad key", messagesOf(c), `1`, "Idempotency-Key: a b", "400 bad_message"},
		{"unknown parameter", messagesOf(c) + "?evnt=x", `1`, "", "400 bad_request"},
		{"batch of nothing", "/v1/messages", `{}`, "", "400 bad_request"},
		{"batch that is cut off", "/v1/messages", `{"messages":[{"channel":"a"`, "", "400 bad_json"},
		{"token without sub", "/v1/tokens", `{}`, "", "400 bad_request"},
		{"bad position", messagesOf(c) + "?since=x", "", "", "400 bad_position"},
		{"bad limit", messagesOf(c) + "?limit=1001", "", "", "400 bad_request"},
	} {
		q := request{path: bad.path, body: bad.body}
		if bad.header != "" {
			q.header = []string{bad.header}
			if !strings.HasPrefix(bad.header, "Content-Type") {
				q.header = append(q.header, "Content-Type: application/json")
			}
		}
		r := s.backend(t, q)
		if r.refusal() != bad.refusal || r.header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %s, want %s (%s)", bad.name, r.refusal(), bad.refusal, fmt.Sprintf("%.200s", r.body))
		}
	}
	for _, key := range []string{"", "Authorization: Bearer wrong", "Authorization: Bearer " + s.token()} {
		q := request{path: messagesOf(c), body: "1", header: []string{"Content-Type: application/json"}}
		if key != "" {
			q.header = append(q.header, key)
		}
		if r := s.do(t, q); r.refusal() != "401 unauthorized" {
			t.Errorf("key %q: %s", key, r.refusal())
		}
	}
	if n := s.end(t, c).Offset; n != 0 {
		t.Errorf("%d bad messages were stored", n)
	}
	s.works(t)
}
