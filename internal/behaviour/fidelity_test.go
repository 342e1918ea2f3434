package behaviour

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

// texts are payloads as they are published, and as they come.
var texts = []struct{ name, contentType, body, comes string }{
	{"64 bits", "application/json", "{\"n\":\r\n  9007199254740993\n}\n", `{"n":9007199254740993}`},
	{"digits", "application/json", ` [ 1e400, -0.0, 1E+2, 0.10, 123456789012345678901234567890 ] `, `[1e400,-0.0,1E+2,0.10,123456789012345678901234567890]`},
	{"escapes", "application/json", `"\u00e9\u2028\ud83d\ude00\/\n \u0000"`, `"\u00e9\u2028\ud83d\ude00\/\n \u0000"`},
	{"line separators", "application/json", "\"a\u2028b\u2029c\u0085d\"", "\"a\u2028b\u2029c\u0085d\""},
	{"markup", "application/json", `"<script>&amp;</script>"`, `"<script>&amp;</script>"`},
	{"same name twice", "application/json", `{"b":1,"a":2,"b":3}`, `{"b":1,"a":2,"b":3}`},
	{"null", "application/json", "null", "null"},
	{"text", "text/plain; charset=utf-8", "two\nlines \"quoted\" \\ 9007199254740993", `"two\nlines \"quoted\" \\ 9007199254740993"`},
	{"empty text", "text/plain", "", `""`},
	{"looks like an event", "text/plain", "x\n\ndata: y\r\rid: z\n\n", `"x\n\ndata: y\r\rid: z\n\n"`},
	{"long", "application/json", `["` + strings.Repeat("ä", 120_000) + `"]`, `["` + strings.Repeat("ä", 120_000) + `"]`},
}

func TestTextsComeUnchanged(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			c := named(t, "orders")
			l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{c}})
			for _, text := range texts {
				s.stored(t, s.backend(t, request{
					method: http.MethodPost, path: messagesOf(c), body: text.body,
					header: []string{"Content-Type: " + text.contentType},
				}))
				m := l.message()
				if m.Data.Kind != pubsub.JSON || string(m.Data.Bytes) != text.comes {
					t.Errorf("%s: %.200q came, want %.200q", text.name, m.Data.Bytes, text.comes)
				}
			}
			// A proxy or browser that knows nothing of package client sees the same.
			var answer struct {
				Messages []struct{ Data json.RawMessage }
			}
			s.do(t, request{
				path:   "/v1/poll?wait=0&cursor=" + string(c) + "@0",
				header: []string{"Authorization: Bearer " + s.token()},
			}).decode(t, &answer)
			for i, m := range answer.Messages {
				if string(m.Data) != texts[i].comes {
					t.Errorf("%s: a poll has %.200q, want %.200q", texts[i].name, m.Data, texts[i].comes)
				}
			}
			if len(answer.Messages) != len(texts) {
				t.Errorf("a poll has %d messages, want %d", len(answer.Messages), len(texts))
			}
		})
	})
}

func TestBytesComeUnchanged(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		seed := [32]byte{1}
		noise := make([]byte, 70_000)
		rand.NewChaCha8(seed).Read(noise)
		each(t, func(t *testing.T, transport raw.Transport) {
			c := named(t, "orders")
			l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{c}})
			var at []pubsub.Position
			for _, body := range [][]byte{noise, {}, {0}, []byte("{}"), {0xff, '\n', '\n', 0xfe}} {
				at = append(at, s.stored(t, s.backend(t, request{
					method: http.MethodPost, path: messagesOf(c), body: string(body),
					header: []string{"Content-Type: image/png"},
				})))
				m := l.message()
				if m.Data.Kind != pubsub.Binary || !bytes.Equal(m.Data.Bytes, body) {
					t.Errorf("%d bytes of kind %v came, want the %d that were published", len(m.Data.Bytes), m.Data.Kind, len(body))
				}
				if m.Meta["content-type"] != "image/png" {
					t.Errorf("the type came as %v", m.Meta)
				}
			}
			// A resume behind a binary message does not repeat it.
			for i, pos := range at[:len(at)-1] {
				l := s.join(t, transport, raw.Options{Cursor: pubsub.Cursor{}.Set(c, pos)})
				if m := l.message(); m.Pos != at[i+1] {
					t.Errorf("behind %v came %v, want %v", pos, m.Pos, at[i+1])
				}
				l.Close()
			}
		})
	})
}

// Everything that a message has comes, from a backend and from a client.
func TestMessagesComeWhole(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			c := named(t, "orders")
			l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{c}})
			begin := time.Now().Add(-time.Minute)
			var want []pubsub.Message

			want = append(want, pubsub.Message{Channel: c, Event: "no data"})
			s.stored(t, s.backend(t, request{method: http.MethodPost, path: messagesOf(c) + "?event=no%20data"}))
			want = append(want, pubsub.Message{
				Channel: c, Event: "ümläut\"\n", Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte("[1]")},
				Meta: map[string]string{"trace": "a,b", "tier": "gold"},
			})
			s.stored(t, s.backend(t, request{
				path: messagesOf(c) + "?event=%C3%BCml%C3%A4ut%22%0A", body: "[1]",
				header: []string{"Wsbridge-Meta-Trace: a,b", "Wsbridge-Meta-Tier: gold"},
			}))
			want = append(want, pubsub.Message{
				Channel: c, Event: "said", Data: pubsub.Data{Kind: pubsub.Binary, Bytes: []byte("hi")},
				From: &pubsub.Sender{User: "ann", Client: "tab-1"},
			})
			r := s.do(t, request{path: "/v1/send?client=tab-1", body: `{"type":"publish","ref":1,"channel":"` + string(c) +
				`","event":"said","data_base64":"` + base64.StdEncoding.EncodeToString([]byte("hi")) + `","token":"` + s.token() + `"}`})
			if r.status != http.StatusOK {
				t.Fatalf("send: %s", r.body)
			}

			for i := range want {
				got := *l.message()
				if got.ID.Version() != 7 || got.Time.Before(begin) || got.Time.After(time.Now().Add(time.Minute)) {
					t.Errorf("id %v, time %v", got.ID, got.Time)
				}
				if diff := cmp.Diff(want[i], got, cmpopts.IgnoreFields(pubsub.Message{}, "ID", "Pos", "Time"), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("message %d came otherwise (-want +got):\n%s", i+1, diff)
				}
			}
		})
	})
}
