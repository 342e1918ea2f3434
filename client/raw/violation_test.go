package raw

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestViolations(t *testing.T) {
	l := newLog("a", "aaaa")
	start := pubsub.Cursor{}.Set("a", l.pos)
	one, two, three := l.next(), l.next(), l.next()
	foreign := newLog("b", "aaaa").next()
	reborn := newLog("a", "bbbb").next()
	from := pubsub.Gap{Channel: "a", Reason: pubsub.Trimmed, From: two.Pos, To: three.Pos}
	for _, tt := range []struct {
		name   string
		events []any
		says   string
	}{
		{"a hole", []any{one, three}, "message 3 of a came behind 1 without a gap"},
		{"a repeat", []any{one, two, two}, "message 2 of a came behind 2"},
		{"a step back", []any{one, two, one}, "message 1 of a came behind 2"},
		{"another channel", []any{one, foreign}, "which was not asked for"},
		{"another epoch", []any{one, reborn}, "went from epoch aaaa to bbbb without a gap"},
		{"a gap from elsewhere", []any{one, from}, "a gap of a begins at"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, transport Transport) {
				if transport >= LongPoll && strings.Contains(tt.name, "gap") {
					t.Log("in an answer, gaps stand in front of messages, so this one begins where the cursor stood")
					tt.events = []any{from}
				}
				line := dial(t, Options{
					URL:       serve(t, &script{start: start, hold: true, events: tt.events}),
					Transport: transport, Channels: []pubsub.Channel{"a"}, Interval: time.Millisecond,
				})
				_, err := collect(t, line, nil)
				var broken *Violation
				if !errors.As(err, &broken) || !strings.Contains(broken.Detail, tt.says) {
					t.Errorf("the line ended with %v, expected %q", err, tt.says)
				}
			})
		})
	}
}

func TestMalformedEvents(t *testing.T) {
	for _, tt := range []struct {
		name      string
		transport Transport
		event     string
	}{
		{"no JSON", WebSocket, `{`},
		{"no type", WebSocket, `{"cursor":""}`},
		{"no position", WebSocket, `{"type":"message","channel":"a","id":"0190b0a0-0000-7000-8000-000000000000","pos":"7"}`},
		{"no JSON", HTTPStream, "{\n"},
		{"an empty line", HTTPStream, "\n"},
		{"a second welcome", HTTPStream, `{"type":"welcome"}` + "\n"},
		{"no JSON", SSE, "event: message\ndata: {\n\n"},
		{"a bad id", SSE, "id: a@b@c\nevent: gap\ndata: {}\n\n"},
		{"a second welcome", SSE, "event: welcome\ndata: {}\n\n"},
		{"no JSON", LongPoll, `{`},
		{"a bad cursor", LongPoll, `{"messages":[],"gaps":[],"cursor":"@"}`},
		{"no position", Poll, `{"messages":[],"gaps":[],"cursor":"a"}`},
		{"too much", WebSocket, `{"type":"` + strings.Repeat("x", 5000) + `"}`},
		{"too much", HTTPStream, strings.Repeat("x", 5000)},
		{"too much in a line", SSE, "data: " + strings.Repeat("x", 5000)},
		{"too much in lines", SSE, strings.Repeat("data: xxxxxxxx\n", 600)},
		{"too much", Poll, strings.Repeat(" ", 5000)},
	} {
		t.Run(tt.transport.String()+"/"+tt.name, func(t *testing.T) {
			line := dial(t, Options{
				URL:       serve(t, &script{hold: true, events: []any{tt.event}}),
				Transport: tt.transport, Interval: time.Millisecond, MaxEvent: 4000,
			})
			_, err := collect(t, line, nil)
			if broken := (*Violation)(nil); !errors.As(err, &broken) {
				t.Errorf("the line ended with %v", err)
			}
		})
	}
}

func TestWrongAnswers(t *testing.T) {
	const empty = `{"messages":[],"gaps":[],"cursor":"","more":false,"retry":0}`
	for _, tt := range []struct {
		name      string
		transport Transport
		answer    http.HandlerFunc
		says      string
	}{
		{"type of a page", SSE, respond("text/html", ""), `the type "text/html", not text/event-stream`},
		{"type of JSON", HTTPStream, respond("application/json", ""), "not application/x-ndjson"},
		{"type of lines", LongPoll, respond("application/x-ndjson", empty), "not application/json"},
		{"chunked poll", LongPoll, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			io.WriteString(w, empty[:9])
			w.(http.Flusher).Flush()
			io.WriteString(w, empty[9:])
		}, "no Content-Length"},
		{"poll that may be cached", Poll, respond("application/json", empty), `Cache-Control "", not no-store`},
		{"no WebSocket", WebSocket, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Sec-WebSocket-Accept", "bm8=")
			w.WriteHeader(http.StatusSwitchingProtocols)
		}, "wrong Sec-WebSocket-Accept"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(tt.answer)
			defer server.Close()
			_, err := Open(t.Context(), Options{URL: server.URL, Transport: tt.transport})
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Open returned %v, expected %q", err, tt.says)
			}
		})
	}
}

func respond(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, body)
	}
}
