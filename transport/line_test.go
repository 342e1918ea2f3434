package transport_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A line is one open stream, whichever transport, and what comes over it.
type line interface {
	next() wire.Event // fails the test when the line ends
}

// An sseLine reads server-sent events.
type sseLine struct {
	s  *site
	r  *bufio.Reader
	id string // of the last event
	// raw is the text of the last event
	raw string
}

func (s *site) sse(query string, header ...string) *sseLine {
	s.t.Helper()
	res := s.stream("/v1/sse?token=ann&"+query, header...)
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		s.t.Fatalf("content type %q", got)
	}
	return &sseLine{s: s, r: bufio.NewReader(res.Body)}
}

func (s *site) stream(path string, header ...string) *http.Response {
	s.t.Helper()
	res := s.request("GET", path, "", header...)
	if res.StatusCode != 200 {
		s.t.Fatalf("%s: %d %s", path, res.StatusCode, s.read(res))
	}
	return res
}

func (l *sseLine) next() wire.Event {
	l.s.t.Helper()
	var name, data string
	l.raw = ""
	for {
		text, err := l.r.ReadString('\n')
		if err != nil {
			l.s.t.Fatalf("sse: %v", err)
		}
		l.raw += text
		switch field, value, _ := strings.Cut(strings.TrimSuffix(text, "\n"), ": "); field {
		case "event":
			name = value
		case "id":
			l.id = value
		case "data":
			data = value
		case "":
			if value == "heartbeat" {
				name, data = "heartbeat", "{}"
				continue
			}
			e, err := wire.ParseSSE(name, []byte(data))
			if err != nil {
				l.s.t.Fatalf("sse: %v in %q", err, l.raw)
			}
			return e
		}
	}
}

// An objectLine reads an HTTP stream.
type objectLine struct {
	s *site
	r *bufio.Reader
}

func (s *site) httpStream(query string) *objectLine {
	s.t.Helper()
	res := s.stream("/v1/http-stream?token=ann&" + query)
	if got := res.Header.Get("Content-Type"); got != "application/x-ndjson" {
		s.t.Fatalf("content type %q", got)
	}
	return &objectLine{s, bufio.NewReader(res.Body)}
}

func (l *objectLine) next() wire.Event {
	l.s.t.Helper()
	text, err := l.r.ReadBytes('\n')
	if err != nil {
		l.s.t.Fatalf("http stream: %v", err)
	}
	e, err := wire.ParseEvent(text)
	if err != nil {
		l.s.t.Fatalf("http stream: %v in %s", err, text)
	}
	return e
}

// A socketLine is a WebSocket.
type socketLine struct {
	s    *site
	conn *websocket.Conn
}

func (s *site) webSocket(query string, o *websocket.DialOptions) *socketLine {
	s.t.Helper()
	if o == nil {
		o = &websocket.DialOptions{}
	}
	o.NetDial = s.dial
	conn, _, err := websocket.Dial(context.Background(), "ws"+strings.TrimPrefix(s.url, "http")+"/v1/ws?"+query, o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.CloseNow() })
	return &socketLine{s, conn}
}

func (l *socketLine) send(format string, args ...any) {
	l.s.t.Helper()
	if err := l.conn.WriteMessage(websocket.OpText, fmt.Appendf(nil, format, args...)); err != nil {
		l.s.t.Fatal(err)
	}
}

func (l *socketLine) read() (wire.Event, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	op, text, err := l.conn.ReadMessage(ctx, nil)
	if err != nil {
		return wire.Event{}, err
	}
	if op == websocket.OpBinary {
		return wire.ParseFrame(text)
	}
	return wire.ParseEvent(text)
}

func (l *socketLine) next() wire.Event {
	l.s.t.Helper()
	e, err := l.read()
	if err != nil {
		l.s.t.Fatalf("websocket: %v", err)
	}
	return e
}

// raw returns the connection, to be used around the codec: nothing is answered any more. It
// is for virtual time only.
func (l *socketLine) raw() net.Conn {
	nc := l.conn.NetConn()
	synctest.Wait() // the context of the last read has set its deadline
	nc.SetReadDeadline(time.Time{})
	return nc
}

// closed waits for the end and returns its code and reason.
func (l *socketLine) closed() (code int, reason string) {
	l.s.t.Helper()
	for {
		_, err := l.read()
		var closed *websocket.CloseError
		switch {
		case err == nil:
		case errors.As(err, &closed):
			return int(closed.Code), closed.Reason
		default:
			l.s.t.Fatalf("websocket: %v, want a close frame", err)
		}
	}
}

// expect fails unless the next event is of that type, and returns it.
func expect(l line, kind string) wire.Event {
	e := l.next()
	t := testing.TB(nil)
	switch l := l.(type) {
	case *sseLine:
		t = l.s.t
	case *objectLine:
		t = l.s.t
	case *socketLine:
		t = l.s.t
	}
	t.Helper()
	if e.Type != kind {
		t.Fatalf("got %+v, want %s", e, kind)
	}
	return e
}
