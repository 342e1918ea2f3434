package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/wsbridge/wsbridge/transport/websocket"
)

// A socket is a client's line over WebSocket.
type socket struct {
	conn *websocket.Conn
	buf  []byte
}

// Members of what the server sends stand in a fixed order, without white space, so what it is
// can be told by its beginning.
var (
	isMessage    = []byte(`{"type":"message",`)
	isGap        = []byte(`{"type":"gap",`)
	isWelcome    = []byte(`{"type":"welcome",`)
	isSubscribed = []byte(`{"type":"subscribed",`)
	isHeartbeat  = []byte(`{"type":"heartbeat"`)
)

func openSocket(ctx context.Context, t *target, channel, bearer string) (line, error) {
	u := *t.url
	u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	u.Path += "/v1/ws"
	u.RawQuery = "channels=" + channel
	header := make(http.Header)
	if bearer != "" {
		header.Set("Authorization", "Bearer "+bearer)
	}
	conn, answer, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{
		Header:       header,
		Subprotocols: []string{"wsbridge.v1"},
		NetDial:      t.dialTCP,
		TLS:          t.tls,
		Options:      websocket.Options{ReadBuffer: readBuffer},
	})
	if err != nil {
		if answer != nil && answer.StatusCode != http.StatusSwitchingProtocols {
			body, _ := readAll(nil, answer.Body)
			err = refused(answer.StatusCode, body)
		}
		return nil, err
	}
	s := &socket{conn: conn}
	for {
		_, text, err := conn.ReadMessage(ctx, s.buf)
		if err != nil {
			conn.CloseNow()
			return nil, err
		}
		s.buf = text
		switch {
		case bytes.HasPrefix(text, isSubscribed):
			return s, nil
		case !bytes.HasPrefix(text, isWelcome):
			conn.CloseNow()
			return nil, saidInstead(text)
		}
	}
}

// saidInstead is the error of a client that should have been subscribed.
func saidInstead(text []byte) error {
	var said struct{ Type, Code, Detail string }
	if json.Unmarshal(text, &said) == nil && said.Type == "error" {
		return fmt.Errorf("%s: %s", said.Code, said.Detail)
	}
	return fmt.Errorf("the server said %.200q instead of subscribed", text)
}

func (s *socket) follow(to *subscriber) error {
	for {
		op, text, err := s.conn.ReadMessage(context.Background(), s.buf)
		if err != nil {
			return err
		}
		s.buf = text
		switch {
		case op == websocket.OpText && bytes.HasPrefix(text, isMessage):
			to.message(text)
		case bytes.HasPrefix(text, isGap):
			to.gap()
		case !bytes.HasPrefix(text, isHeartbeat):
			to.damaged()
		}
	}
}

func (s *socket) close() { s.conn.CloseNow() }
