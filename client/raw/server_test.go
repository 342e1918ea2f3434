package raw

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// A script is what a server says on one connection, in the forms of every transport.
type script struct {
	t      *testing.T
	events []any // pubsub.Message, pubsub.Gap, wire.CloseCode, or a string that goes out as it is
	start  pubsub.Cursor
	hold   bool // the connection stays open behind the last event
	asked  chan wire.Request
}

// log makes messages that follow one another in a channel.
type log struct {
	channel pubsub.Channel
	pos     pubsub.Position
}

func newLog(c pubsub.Channel, epoch pubsub.Epoch) *log {
	return &log{c, pubsub.Position{Epoch: epoch}}
}

func (l *log) next() pubsub.Message {
	m := pubsub.Message{Channel: l.channel, Time: time.UnixMilli(1700000000000).UTC(), Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte(`{"n":9007199254740993}`)}}
	m.ID[0] = byte(l.pos.Offset + 1)
	l.pos = l.pos.Next(m.ID)
	m.Pos = l.pos
	return m
}

func (l *log) several(n int) []any {
	events := make([]any, n)
	for i := range events {
		events[i] = l.next()
	}
	return events
}

// serve answers connections with scripts, one after the other, and then with none.
func serve(t *testing.T, scripts ...*script) string {
	t.Helper()
	next := make(chan *script, len(scripts))
	for _, s := range scripts {
		s.t, s.asked = t, make(chan wire.Request, 100)
		next <- s
	}
	take := func(w http.ResponseWriter) *script {
		select {
		case s := <-next:
			return s
		default:
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			io.WriteString(w, `{"code":"forbidden","detail":"the script is over"}`)
			return nil
		}
	}
	mux := http.NewServeMux()
	handle := func(path string, f func(*script, http.ResponseWriter, *http.Request)) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if s := take(w); s != nil {
				f(s, w, r)
			}
		})
	}
	handle("/v1/sse", (*script).sse)
	handle("/v1/http-stream", (*script).httpStream)
	handle("/v1/ws", (*script).webSocket)
	var polled *script
	mux.HandleFunc("/v1/poll", func(w http.ResponseWriter, r *http.Request) {
		if polled == nil {
			polled = take(w)
		}
		if polled != nil && !polled.poll(w, r) {
			polled = nil
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func (s *script) note(r *http.Request) {
	var req wire.Request
	var bad *wire.CommandError
	if r.Method == http.MethodGet {
		req, bad = wire.ParseQuery(r.URL.Query(), 1000)
		req.Token = strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	} else {
		body, _ := io.ReadAll(r.Body)
		req, bad = wire.ParseBody(body, 1000)
	}
	if bad != nil {
		s.t.Errorf("the request is bad: %v", bad)
	}
	s.asked <- req
}

func (s *script) wait(r *http.Request) {
	if s.hold {
		<-r.Context().Done()
	}
}

func (s *script) sse(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	w.Header().Set("Content-Type", "text/event-stream")
	cursor := append(pubsub.Cursor(nil), s.start...)
	b := wire.AppendWelcomeSSE(wire.AppendIDSSE(nil, cursor), "c7", "ann", 25*time.Second)
	for _, e := range s.events {
		switch e := e.(type) {
		case pubsub.Message:
			cursor = cursor.Set(e.Channel, e.Pos)
			b = wire.AppendMessageSSE(wire.AppendIDSSE(b, cursor), &e)
		case pubsub.Gap:
			cursor = cursor.Set(e.Channel, e.To)
			b = wire.AppendGapSSE(wire.AppendIDSSE(b, cursor), &e)
		case wire.CloseCode:
			b = wire.AppendCloseSSE(b, e, 1500*time.Millisecond)
		case string:
			b = append(b, e...)
		}
	}
	w.Write(b)
	w.(http.Flusher).Flush()
	s.wait(r)
}

func (s *script) httpStream(w http.ResponseWriter, r *http.Request) {
	s.note(r)
	w.Header().Set("Content-Type", "application/x-ndjson")
	b := wire.AppendWelcomeLine(nil, "c7", "ann", 25*time.Second, s.start)
	for _, e := range s.events {
		switch e := e.(type) {
		case pubsub.Message:
			b = wire.AppendMessageLine(b, &e)
		case pubsub.Gap:
			b = wire.AppendGapLine(b, &e)
		case wire.CloseCode:
			b = wire.AppendCloseLine(b, e, 1500*time.Millisecond)
		case string:
			b = append(b, e...)
		}
	}
	w.Write(b)
	w.(http.Flusher).Flush()
	s.wait(r)
}

func (s *script) webSocket(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}})
	if err != nil {
		return
	}
	defer c.CloseNow()
	_, text, err := c.ReadMessage(context.Background(), nil)
	command, bad := wire.ParseCommand(text)
	if err != nil || bad != nil || command.Type != wire.Connect {
		s.t.Errorf("no connect came: %s, %v, %v", text, err, bad)
	}
	s.asked <- wire.Request{Token: command.Token, Client: command.Client, Channels: command.Channels, Cursor: command.Cursor}
	say := func(b []byte) { c.WriteMessage(websocket.OpText, b) }
	say(wire.AppendOK(nil, command.Ref))
	say(wire.AppendWelcomeEvent(nil, "c7", "ann", 25*time.Second))
	for _, m := range s.start {
		say(wire.AppendSubscribed(nil, "", m.Channel, m.Start.Pos))
	}
	for _, e := range s.events {
		switch e := e.(type) {
		case pubsub.Message:
			if e.Data.Kind == pubsub.Binary {
				c.WriteMessage(websocket.OpBinary, wire.AppendMessageFrame(nil, &e))
			} else {
				say(wire.AppendMessageEvent(nil, &e))
			}
		case pubsub.Gap:
			say(wire.AppendGapEvent(nil, &e))
		case wire.CloseCode:
			c.Close(websocket.StatusCode(e), wire.CloseReason(e, 1500*time.Millisecond))
			return
		case string:
			say([]byte(e))
		}
	}
	if s.hold {
		c.ReadMessage(context.Background(), nil)
	}
}

// poll answers the first poll with nothing, the second with all events, and reports
// whether there is more to come.
func (s *script) poll(w http.ResponseWriter, r *http.Request) bool {
	first := len(s.asked) == 0
	s.note(r)
	var messages []pubsub.Message
	var gaps []pubsub.Gap
	if first {
		s.answer(w, nil, nil, s.start)
		return true
	}
	cursor := append(pubsub.Cursor(nil), s.start...)
	for _, e := range s.events {
		switch e := e.(type) {
		case pubsub.Message:
			cursor = cursor.Set(e.Channel, e.Pos)
			messages = append(messages, e)
		case pubsub.Gap:
			cursor = cursor.Set(e.Channel, e.To)
			gaps = append(gaps, e)
		case string:
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			io.WriteString(w, e)
			return false
		}
	}
	s.answer(w, messages, gaps, cursor)
	return false
}

func (s *script) answer(w http.ResponseWriter, messages []pubsub.Message, gaps []pubsub.Gap, cursor pubsub.Cursor) {
	b := wire.BeginAnswer(nil)
	for _, m := range messages {
		b = wire.AppendAnswerMessage(b, wire.AppendMessage(nil, &m))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(wire.EndAnswer(b, gaps, cursor, false, 0))
}

// each runs a test over every transport.
func each(t *testing.T, run func(t *testing.T, transport Transport)) {
	for _, transport := range Transports() {
		t.Run(transport.String(), func(t *testing.T) { run(t, transport) })
	}
}

func dial(t *testing.T, o Options) *Line {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	line, err := Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { line.CloseNow() })
	return line
}

// collect takes events until one satisfies last, or an error comes.
func collect(t *testing.T, line *Line, last func(Event) bool) (events []Event, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		e, err := line.Next(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("nothing came behind %v", events)
		}
		if err != nil {
			return events, err
		}
		events = append(events, e)
		if last != nil && last(e) {
			return events, nil
		}
	}
}
