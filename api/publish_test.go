package api

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

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
	if diff := cmp.Diff(map[string]int{"stored": 1, "duplicate": 1}, s.results); diff != "" {
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

func TestPublishToBadChannels(t *testing.T) {
	s := newSite(t, nil)
	for _, name := range []string{"a%20b", "a%2Fb", "%3Aa", "a%252Fb", ".", "..", "%2E%2E", strings.Repeat("c", 201), "%00", "gr%C3%BC%C3%9Fe", "%FF", "*"} {
		got := s.do(call{method: "POST", path: "/v1/channels/" + name + "/messages", header: []string{"Content-Type: application/json"}, body: "1"})
		if got.status != 400 || got.code() != "bad_channel" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	got := s.do(call{method: "POST", path: "/v1/channels/orders%3A42/messages", header: []string{"Content-Type: application/json"}, body: "1"})
	if got.status != 201 || s.retained("orders:42") != 1 {
		t.Errorf("an escaped colon: %d %s", got.status, got.body)
	}
}

func TestPublishLimit(t *testing.T) {
	s := newSite(t, nil)
	exactly := `"` + strings.Repeat("x", 256<<10-2) + `"`
	for _, kind := range []string{"application/json", "text/plain", "image/png"} {
		for _, chunked := range []bool{false, true} {
			for extra, want := range []int{201, 413} {
				c := call{method: "POST", path: "/v1/channels/a/messages", header: []string{"Content-Type: " + kind}, body: exactly + strings.Repeat(" ", extra)}
				if chunked {
					c.reader = strings.NewReader(c.body)
				}
				got := s.do(c)
				if got.status != want || want == 413 && got.code() != "too_large" {
					t.Errorf("%s, chunked %t, %d bytes too many: %d %.200s", kind, chunked, extra, got.status, got.body)
				}
			}
		}
	}
}

// TestPublishRefusesBeforeReading sends a header that announces too much, and no body.
func TestPublishRefusesBeforeReading(t *testing.T) {
	s := newSite(t, nil)
	body, unsent := io.Pipe()
	defer unsent.Close()
	req, err := http.NewRequest("POST", s.url+"/v1/channels/a/messages", body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 1 << 40
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+apiKey)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestRandomBytesComeBack(t *testing.T) {
	s := newSite(t, nil)
	data := make([]byte, 70_000)
	rand.Read(data)
	s.do(call{method: "POST", path: "/v1/channels/a/messages", header: []string{"Content-Type: application/octet-stream"}, body: string(data)})
	got := s.do(call{method: "GET", path: "/v1/channels/a/messages"})
	var page struct {
		Messages []struct {
			Data []byte `json:"data_base64"`
		}
	}
	got.into(t, &page)
	if len(page.Messages) != 1 || !bytes.Equal(page.Messages[0].Data, data) {
		t.Error("other bytes came back")
	}
}

func TestIdempotencyKeys(t *testing.T) {
	s := newSite(t, nil)
	publish := func(channel, event, body string) reply {
		return s.do(call{method: "POST", path: "/v1/channels/" + channel + "/messages?event=" + event, header: []string{"Content-Type: application/json", "Idempotency-Key: k"}, body: body})
	}
	const repeats = 40
	replies := make([]reply, repeats)
	var wg sync.WaitGroup
	for i := range repeats {
		wg.Go(func() { replies[i] = publish("a", "e", "1") })
	}
	wg.Wait()
	ids, created := make(map[uuid.UUID]bool), 0
	for _, got := range replies {
		var p published
		got.into(t, &p)
		id, err := uuid.Parse(p.ID)
		if err != nil || p.Duplicate != (got.status == 200) {
			t.Errorf("%d %s", got.status, got.body)
		}
		ids[id] = true
		if got.status == 201 {
			created++
		}
	}
	if len(ids) != 1 || created != 1 || s.retained("a") != 1 {
		t.Errorf("%d ids, %d times 201, %d messages stored", len(ids), created, s.retained("a"))
	}
	for _, got := range []reply{publish("a", "e", "2"), publish("a", "f", "1")} {
		if got.status != 422 || got.code() != "key_reused" {
			t.Errorf("other content: %d %s", got.status, got.body)
		}
	}
	if got := publish("b", "e", "2"); got.status != 201 {
		t.Errorf("the key on another channel: %d %s", got.status, got.body)
	}
}

func TestPublishToUser(t *testing.T) {
	s := newSite(t, nil)
	for user, channel := range map[string]string{
		"ann":              "user:ann",
		"ann@example.com":  "user:ann=40example.com",
		"a%2Fb":            "user:a=2Fb",
		"100%25":           "user:100=25",
		"J%C3%BCrgen%20X":  "user:J=C3=BCrgen=20X",
		"%2E%2E":           "user:..",
		"a%2525":           "user:a=2525",
		"tenant:7;name=ok": "user:tenant=3A7=3Bname=3Dok",
	} {
		got := s.do(call{method: "POST", path: "/v1/users/" + user + "/messages", header: []string{"Content-Type: application/json"}, body: "1"})
		var p published
		got.into(t, &p)
		if got.status != 201 || string(p.Channel) != channel {
			t.Errorf("%s: %d %s, want %s", user, got.status, got.body, channel)
		}
	}
	for _, tt := range []struct {
		body   string
		status int
	}{{"1", 201}, {" 1", 200}, {"2", 422}, {strings.Repeat(" ", 256<<10) + "1", 413}} {
		got := s.do(call{method: "POST", path: "/v1/users/bob/messages", header: []string{"Content-Type: application/json", "Idempotency-Key: k"}, body: tt.body})
		if got.status != tt.status {
			t.Errorf("body of %d bytes: %d %s", len(tt.body), got.status, got.body)
		}
	}
	for user, code := range map[string]string{
		strings.Repeat("u", 129):     "bad_request",
		"%FF":                        "bad_request",
		strings.Repeat("%C3%BC", 64): "bad_channel",
	} {
		got := s.do(call{method: "POST", path: "/v1/users/" + user + "/messages", header: []string{"Content-Type: application/json"}, body: "1"})
		if got.status != 400 || got.code() != code {
			t.Errorf("%.20s: %d %s", user, got.status, got.body)
		}
	}
}

func TestUnquoteHeader(t *testing.T) {
	for in, want := range map[string]string{
		`abc`: `abc`, `"abc"`: `abc`, `"a\"b\\c"`: `a"b\c`, `"`: `"`, `""`: ``, `"a`: `"a`, `a"`: `a"`, `"\"`: `\`,
	} {
		if got := unquoteHeader(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
