package transport_test

import (
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestSSEFraming(t *testing.T) {
	s := open(t, setup{})
	l := s.sse("channels=a,b&client=c1")
	welcome := expect(l, "welcome")
	if welcome.Client != "c1" || welcome.User != "ann" || welcome.Heartbeat.Seconds() != 25 {
		t.Fatalf("%+v", welcome)
	}
	cursor, err := pubsub.ParseCursor(l.id, 10)
	if err != nil || len(cursor) != 2 {
		t.Fatalf("id %q: %v", l.id, err)
	}
	m := s.publish("a", `{"n":9007199254740993}`)
	e := expect(l, "message")
	if string(e.Message.Data.Bytes) != `{"n":9007199254740993}` || e.Message.Event != "e" {
		t.Fatalf("%+v", e.Message)
	}
	if want := cursor.Set("a", m.Pos).String(); l.id != want {
		t.Fatalf("id %q, want the cursor over both channels %q", l.id, want)
	}
	lines := strings.Split(l.raw, "\n")
	if len(lines) != 5 || !strings.HasPrefix(lines[0], "id: ") || lines[1] != "event: message" ||
		!strings.HasPrefix(lines[2], `data: {"channel":"a"`) || lines[3] != "" || lines[4] != "" {
		t.Fatalf("event %q", l.raw)
	}
}

func TestSSEHeadersKeepProxiesFromBuffering(t *testing.T) {
	s := open(t, setup{})
	res := s.stream("/v1/sse?channels=a&token=ann")
	for name, want := range map[string]string{
		"X-Accel-Buffering": "no",
		"Cache-Control":     "no-cache, no-transform",
		"Content-Encoding":  "",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// What a browser reconnects with: the URL of the beginning, and the id it saw last.
func TestLastEventIDBeatsTheCursorChannelByChannel(t *testing.T) {
	s := open(t, setup{})
	s.publish("b", "0")
	a1 := s.publish("a", "1")
	s.publish("a", "2")
	l := s.sse("channels=a,b&cursor=a@0,b@0", "Last-Event-ID: a@"+a1.Pos.String())
	expect(l, "welcome")
	got := map[string]bool{}
	for range 2 {
		got[string(expect(l, "message").Message.Data.Bytes)] = true
	}
	if !got["0"] || !got["2"] {
		t.Fatalf("got %v, want 0 of b and 2 of a", got)
	}
	if res := s.request("GET", "/v1/sse?channels=a&token=ann", "", "Last-Event-ID: nonsense@x"); res.StatusCode != 400 {
		t.Fatalf("a bad Last-Event-ID got %d", res.StatusCode)
	}
}

func TestSSEGapMovesTheID(t *testing.T) {
	s := open(t, setup{})
	m := s.publish("a", "1")
	l := s.sse("channels=a&cursor=a@otherlife-7-00000000")
	expect(l, "welcome")
	gap := expect(l, "gap").Gap
	if gap.Reason != pubsub.Replaced || gap.From.String() != "otherlife-7-00000000" || l.id != "a@"+gap.To.String() {
		t.Fatalf("%+v, id %q", gap, l.id)
	}
	if e := expect(l, "message"); e.Message.Pos != m.Pos {
		t.Fatalf("%+v", e.Message)
	}
}
