package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/pubsub"
)

// sent is what of a message was up to its publisher.
type sent struct {
	Event string
	Kind  pubsub.Kind
	Data  string
	Meta  map[string]string
}

func (s *site) lastSent(channel string) sent {
	s.t.Helper()
	m := s.last(channel)
	return sent{m.Event, m.Data.Kind, string(m.Data.Bytes), m.Meta}
}

func TestPublish(t *testing.T) {
	s := newSite(t, nil)
	asJSON, asText := "Content-Type: application/json", "Content-Type: text/plain"
	for _, tt := range []struct {
		name   string
		query  string
		header []string
		body   string
		want   sent
	}{
		{"json", "", []string{asJSON}, `{"a":1}`, sent{"", pubsub.JSON, `{"a":1}`, nil}},
		{"json loses white space, no digits", "", []string{"Content-Type: application/JSON; charset=UTF-8"}, "{\n  \"n\":\r\n\t9007199254740993 }\n", sent{"", pubsub.JSON, `{"n":9007199254740993}`, nil}},
		{"json null", "", []string{asJSON}, ` null`, sent{"", pubsub.JSON, `null`, nil}},
		{"json keeps duplicate names", "", []string{asJSON}, `{"a":1,"a":2}`, sent{"", pubsub.JSON, `{"a":1,"a":2}`, nil}},
		{"json of the deepest kind", "", []string{asJSON}, strings.Repeat("[", 64) + strings.Repeat("]", 64), sent{"", pubsub.JSON, strings.Repeat("[", 64) + strings.Repeat("]", 64), nil}},
		{"text", "", []string{asText}, "say \"hi\"\n", sent{"", pubsub.JSON, `"say \"hi\"\n"`, nil}},
		{"text in utf-8", "", []string{"Content-Type: text/plain; charset=utf-8"}, "Grüße", sent{"", pubsub.JSON, `"Grüße"`, nil}},
		{"empty text", "", []string{asText, "Content-Length: 0"}, "", sent{"", pubsub.JSON, `""`, nil}},
		{"bytes", "", []string{"Content-Type: image/png; x=y"}, "\x00\xff", sent{"", pubsub.Binary, "\x00\xff", map[string]string{"content-type": "image/png; x=y"}}},
		{"no bytes", "", []string{"Content-Type: application/octet-stream"}, "", sent{"", pubsub.Binary, "", map[string]string{"content-type": "application/octet-stream"}}},
		{"other json", "", []string{"Content-Type: application/hal+json"}, "{}", sent{"", pubsub.Binary, "{}", map[string]string{"content-type": "application/hal+json"}}},
		{"event", "?event=order%20paid", []string{asJSON}, `1`, sent{"order paid", pubsub.JSON, `1`, nil}},
		{"event alone", "?event=ping", nil, "", sent{"ping", pubsub.NoData, "", nil}},
		{"meta", "", []string{asJSON, "Wsbridge-Meta-Trace-ID: a", "wsbridge-meta-lang: de", "Wsbridge-Meta-Lang: en"}, `1`, sent{"", pubsub.JSON, `1`, map[string]string{"trace-id": "a", "lang": "de, en"}}},
		{"not compressed", "", []string{asJSON, "Content-Encoding: identity"}, `1`, sent{"", pubsub.JSON, `1`, nil}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := s.do(call{method: "POST", path: "/v1/channels/orders:42/messages" + tt.query, header: tt.header, body: tt.body})
			if got.status != 201 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if diff := cmp.Diff(tt.want, s.lastSent("orders:42")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPublishAnswers(t *testing.T) {
	s := newSite(t, nil)
	got := s.do(call{method: "POST", path: "/v1/channels/a/messages", header: []string{"Content-Type: application/json", "Idempotency-Key: k"}, body: "1"})
	m := s.last("a")
	want := fmt.Sprintf(`{"id":%q,"channel":"a","pos":%q,"duplicate":false}`+"\n", m.ID, m.Pos)
	if got.status != 201 || got.body != want {
		t.Errorf("%d %s, want 201 %s", got.status, got.body, want)
	}
	if m.ID.Version() != 7 || m.From != nil {
		t.Errorf("id %v, from %v", m.ID, m.From)
	}
	again := s.do(call{method: "POST", path: "/v1/channels/a/messages", header: []string{"Content-Type: application/json", `Idempotency-Key: "k"`}, body: " 1"})
	if want = strings.Replace(want, "false", "true", 1); again.status != 200 || again.body != want {
		t.Errorf("%d %s, want 200 %s", again.status, again.body, want)
	}
	if diff := cmp.Diff(map[string]int{"stored": 1, "duplicate": 1}, s.counted()); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// refusals are what is wrong with a publish, wherever it goes.
var refusals = []struct {
	name   string
	query  string
	header []string
	body   string
	status int
	code   string
	detail string // part of it
}{
	{"no type", "", nil, "x", 415, "unsupported_media_type", "application/json"},
	{"nothing at all", "", nil, "", 415, "unsupported_media_type", "application/json"},
	{"form", "", []string{"Content-Type: application/x-www-form-urlencoded"}, "a=1", 415, "unsupported_media_type", "application/json"},
	{"multipart", "", []string{"Content-Type: multipart/form-data; boundary=x"}, "--x--", 415, "unsupported_media_type", "application/json"},
	{"no media type", "", []string{"Content-Type: json"}, "1", 415, "unsupported_media_type", "json"},
	{"broken media type", "", []string{"Content-Type: text/plain; ="}, "1", 415, "unsupported_media_type", "text/plain"},
	{"two media types", "", []string{"Content-Type: text/plain", "Content-Type: application/json"}, "1", 415, "unsupported_media_type", "2 Content-Types"},
	{"text in latin1", "", []string{"Content-Type: text/plain; charset=iso-8859-1"}, "x", 415, "unsupported_media_type", "iso-8859-1"},
	{"json in utf-16", "", []string{"Content-Type: application/json; charset=utf-16"}, "1", 415, "unsupported_media_type", "utf-16"},
	{"compressed", "", []string{"Content-Type: application/json", "Content-Encoding: gzip"}, "1", 415, "unsupported_media_type", "gzip"},
	{"batch of events", "", []string{"Content-Type: application/cloudevents-batch+json"}, "[]", 415, "unsupported_media_type", "/v1/messages"},
	{"event in xml", "", []string{"Content-Type: application/cloudevents+xml"}, "<a/>", 415, "unsupported_media_type", "cloudevents+json"},

	{"no json", "", []string{"Content-Type: application/json"}, "{\"a\":", 400, "bad_json", "byte 5"},
	{"empty json", "", []string{"Content-Type: application/json"}, "", 400, "bad_json", "ends"},
	{"two values", "", []string{"Content-Type: application/json"}, "1 2", 400, "bad_json", "follows"},
	{"json that is not utf-8", "", []string{"Content-Type: application/json"}, "\"\xff\"", 400, "bad_json", "UTF-8"},
	{"json one too deep", "", []string{"Content-Type: application/json"}, strings.Repeat("[", 65) + strings.Repeat("]", 65), 400, "bad_json", "deep"},
	{"json bomb", "", []string{"Content-Type: application/json"}, strings.Repeat("[", 200_000), 400, "bad_json", "deep"},
	{"text that is not utf-8", "", []string{"Content-Type: text/plain"}, "a\xff", 400, "bad_request", "UTF-8"},

	{"typo in the query", "?evnt=paid", []string{"Content-Type: application/json"}, "1", 400, "bad_request", `"evnt", known are event, durability`},
	{"event twice", "?event=a&event=b", []string{"Content-Type: application/json"}, "1", 400, "bad_request", "event"},
	{"broken query", "?event=%zz", []string{"Content-Type: application/json"}, "1", 400, "bad_request", "URL-encoded"},
	{"unknown durability", "?durability=high", []string{"Content-Type: application/json"}, "1", 400, "bad_request", "replicated"},
	{"event too long", "?event=" + strings.Repeat("e", 201), []string{"Content-Type: application/json"}, "1", 400, "bad_message", "200"},
	{"event that is not utf-8", "?event=%ff", []string{"Content-Type: application/json"}, "1", 400, "bad_message", "UTF-8"},
	{"key of one blank", "", []string{"Content-Type: application/json", `Idempotency-Key: " "`}, "1", 400, "bad_message", "visible ASCII"},
	{"empty key", "", []string{"Content-Type: application/json", `Idempotency-Key: ""`}, "1", 400, "bad_message", "1 to 255"},
	{"key too long", "", []string{"Content-Type: application/json", "Idempotency-Key: " + strings.Repeat("k", 256)}, "1", 400, "bad_message", "255"},
	{"two keys", "", []string{"Content-Type: application/json", "Idempotency-Key: a", "Idempotency-Key: b"}, "1", 400, "bad_request", "2 Idempotency-Keys"},
	{"too much meta", "", []string{"Content-Type: application/json", "Wsbridge-Meta-A: " + strings.Repeat("v", 4097)}, "1", 400, "bad_message", "4096"},
	{"meta that is not utf-8", "", []string{"Content-Type: application/json", "Wsbridge-Meta-A: \xff"}, "1", 400, "bad_message", "UTF-8"},
}

func TestPublishRefuses(t *testing.T) {
	s := newSite(t, nil)
	for _, path := range []string{"/v1/channels/a/messages", "/v1/users/ann/messages"} {
		for _, tt := range refusals {
			t.Run(path+" "+tt.name, func(t *testing.T) {
				got := s.do(call{method: "POST", path: path + tt.query, header: tt.header, body: tt.body})
				if got.status != tt.status || got.code() != tt.code || !strings.Contains(got.detail(), tt.detail) {
					t.Errorf("%d %s, want %d %s with %q", got.status, got.body, tt.status, tt.code, tt.detail)
				}
			})
		}
	}
	if n := s.retained("a") + s.retained("user:ann"); n != 0 {
		t.Errorf("%d messages were stored", n)
	}
}
