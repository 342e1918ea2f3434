package behaviour

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// wanted is the channel that the bad tokens are shown for. Whoever may subscribe to it and
// read its history is let in on each endpoint.
const wanted = "orders:42"

// A badToken and how it is refused: over HTTP by status, on a WebSocket by close code, on
// both with the same stable code.
type badToken struct {
	name   string
	token  func(*server) string
	status int
	close  websocket.StatusCode
	code   string
}

// granted returns a good token that grants operations on a pattern.
func granted(pattern string, ops auth.Op) func(*server) string {
	return func(s *server) string {
		return s.sign(auth.Claims{User: "ann", Capabilities: map[string]auth.Op{pattern: ops}}, time.Hour)
	}
}

// forged returns a token with all claims right that is signed in another way.
func forged(method jwt.SigningMethod, key any) func(*server) string {
	return func(s *server) string {
		token, err := jwt.NewWithClaims(method, jwt.MapClaims{
			"sub": "ann", "exp": time.Now().Add(time.Hour).Unix(),
			"capabilities": map[string][]string{"*": {"subscribe", "publish", "history"}},
		}).SignedString(key)
		if err != nil {
			s.t.Fatal(err)
		}
		return token
	}
}

const read = auth.Subscribe | auth.History

var badTokens = []badToken{
	{"none", func(*server) string { return "" }, 401, 4001, "unauthorized"},
	{"garbage", func(*server) string { return "not.a.token" }, 401, 4001, "token_invalid"},
	{"alg-none", forged(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), 401, 4001, "token_invalid"},
	{"wrong-key", forged(jwt.SigningMethodHS256, []byte(strings.Repeat("w", 40))), 401, 4001, "token_invalid"},
	{"expired", func(s *server) string {
		return s.sign(auth.Claims{User: "ann", Capabilities: everything}, -time.Minute)
	}, 401, 4203, "token_expired"},
	{"other-channel", granted("orders:43", read), 403, 4003, "forbidden"},
	{"prefix-trick", granted("orders:4", read), 403, 4003, "forbidden"},
	{"publish-only", granted(wanted, auth.Publish), 403, 4003, "forbidden"},
}

// An endpoint shows a token for the wanted channel and tells how it was refused: by status
// or close code, and by code. "" for both: it was let in.
type endpoint struct {
	name string
	http bool
	show func(t *testing.T, s *server, token string) (int, string)
}

var endpoints = []endpoint{
	{"websocket-query", false, func(t *testing.T, s *server, token string) (int, string) {
		return s.refusedSocket(t, url.Values{"channels": {wanted}, "token": {token}}, "")
	}},
	{"websocket-connect", false, func(t *testing.T, s *server, token string) (int, string) {
		return s.refusedSocket(t, nil, fmt.Sprintf(`{"type":"connect","ref":1,"token":%q,"channels":[%q]}`, token, wanted))
	}},
	{"poll", true, func(t *testing.T, s *server, token string) (int, string) {
		return s.refused(t, request{path: "/v1/poll", body: fmt.Sprintf(`{"token":%q,"channels":[%q],"wait":0}`, token, wanted)})
	}},
	{"sse", true, func(t *testing.T, s *server, token string) (int, string) {
		return s.refused(t, request{path: "/v1/sse?channels=" + wanted + "&token=" + token})
	}},
	{"http-stream", true, func(t *testing.T, s *server, token string) (int, string) {
		q := request{path: "/v1/http-stream?channels=" + wanted}
		if token != "" {
			q.header = []string{"Authorization: Bearer " + token}
		}
		return s.refused(t, q)
	}},
	{"send", true, func(t *testing.T, s *server, token string) (int, string) {
		return s.refused(t, request{path: "/v1/send", body: fmt.Sprintf(`{"type":"history","ref":1,"channel":%q,"token":%q}`, wanted, token)})
	}},
}

func (s *server) refused(t *testing.T, q request) (int, string) {
	t.Helper()
	q.head = true // a stream that is let in does not end
	r := s.do(t, q)
	return r.status, r.code()
}

// refusedSocket opens a WebSocket, says hello if that is not empty, and waits for what the
// server says to it and how it closes the connection.
func (s *server) refusedSocket(t *testing.T, query url.Values, hello string) (int, string) {
	t.Helper()
	conn := s.dial(t, query.Encode())
	if hello != "" {
		conn.say(hello)
	}
	code := ""
	for {
		text, err := conn.hear()
		if err != nil {
			return int(websocket.CloseStatus(err)), code
		}
		var e struct{ Type, Code string }
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		switch e.Type {
		case wire.EventError:
			code = e.Code
		case wire.EventSubscribed:
			return 0, "" // let in
		}
	}
}

func TestBadTokens(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	for _, bad := range badTokens {
		for _, at := range endpoints {
			t.Run(bad.name+"/"+at.name, func(t *testing.T) {
				t.Parallel()
				how, code := at.show(t, s, bad.token(s))
				want := bad.status
				if !at.http {
					want = int(bad.close)
				}
				if how != want || code != bad.code {
					t.Errorf("refused with %d %q, want %d %q", how, code, want, bad.code)
				}
			})
		}
	}
}

// The same endpoints let a good token in: nothing but the tokens was bad.
func TestGoodToken(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	for _, at := range endpoints {
		t.Run(at.name, func(t *testing.T) {
			t.Parallel()
			if how, code := at.show(t, s, granted("orders:4*", read)(s)); code != "" || how >= 300 {
				t.Errorf("refused with %d %q", how, code)
			}
		})
	}
}
