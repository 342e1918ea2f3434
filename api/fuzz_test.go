package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
)

// A target is a server that bodies are thrown at, without a network between.
type target struct {
	*site
	handler http.Handler
	tokens  *auth.Tokens
}

func newTarget(f *testing.F) *target {
	tokens, err := auth.NewTokens(auth.TokenOptions{Keys: []auth.Secret{auth.NewSecret(strings.Repeat("k", 32))}})
	if err != nil {
		f.Fatal(err)
	}
	t := &target{tokens: tokens}
	t.site = newSite(f, func(o *Options) {
		o.Logger, o.Anyone = nil, true
		o.Sign = func(c auth.Claims, ttl time.Duration) (string, time.Time, error) {
			return tokens.Sign(c, ttl, time.Now())
		}
		t.handler = New(*o)
	})
	return t
}

// throw sends a body and holds the answer against what all answers are: a success, or a
// problem with a known code, but never a failure of the server.
func (g *target) throw(t *testing.T, path, contentType string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest("POST", path, bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	if w.Code/100 == 2 {
		return w
	}
	var p struct{ Code problem.Code }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code >= 500 || p.Code.Status() != w.Code {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w
}

func (g *target) last(t *testing.T, channel pubsub.Channel) *pubsub.Message {
	t.Helper()
	page, err := g.bridge.ReadBack(t.Context(), channel, pubsub.Position{}, pubsub.Limit{Messages: 1})
	if err != nil || len(page.Messages) != 1 {
		t.Fatalf("%d messages, %v", len(page.Messages), err)
	}
	return page.Messages[0]
}

// depth returns how deep valid JSON nests, naively.
func depth(text []byte) (deepest int) {
	dec := json.NewDecoder(bytes.NewReader(text))
	for now := 0; ; {
		token, err := dec.Token()
		if err != nil {
			return deepest
		}
		switch token {
		case json.Delim('['), json.Delim('{'):
			now++
			deepest = max(deepest, now)
		case json.Delim(']'), json.Delim('}'):
			now--
		}
	}
}

func FuzzPublishJSON(f *testing.F) {
	for _, seed := range []string{`{"n": 9007199254740993}`, "[1e400, -0]", `"\ud800"`, "\"\xff\"", "null", "", " ", "1 2", strings.Repeat("[", 70), "{\"a\":1,\"a\":2}"} {
		f.Add([]byte(seed))
	}
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		want := json.Valid(body) && utf8.Valid(body) && depth(body) <= 64 && len(body) <= DefaultMaxMessage
		w := g.throw(t, "/v1/channels/a/messages", "application/json", bytes.Clone(body))
		if stored := w.Code == 201; stored != want {
			t.Fatalf("%q: %d %s", body, w.Code, w.Body)
		} else if !stored {
			return
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, body); err != nil {
			t.Fatal(err)
		}
		if got := g.last(t, "a").Data.Bytes; !bytes.Equal(got, compact.Bytes()) {
			t.Errorf("%q became %q", body, got)
		}
	})
}

func FuzzCloudEvent(f *testing.F) {
	event := `{"specversion":"1.0","id":"1","source":"s","type":"t"`
	for _, seed := range []string{event + `}`, event + `,"data":[1, 2]}`, event + `,"data_base64":"AA==","datacontenttype":"image/png"}`, event + `,"x":-5,"time":"2026-05-01T10:00:00Z"}`, `{"type":null}`, `[]`, event + `,"data":1,"data":2}`} {
		f.Add([]byte(seed))
	}
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		g.bridge.Purge(t.Context(), "a")
		w := g.throw(t, "/v1/channels/a/messages", "application/cloudevents+json", bytes.Clone(body))
		if w.Code != 201 {
			return
		}
		var naive map[string]any
		if err := json.Unmarshal(body, &naive); err != nil {
			t.Fatalf("%q was taken: %v", body, err)
		}
		m := g.last(t, "a")
		if naive["specversion"] != "1.0" || naive["type"] != m.Event || naive["id"] == "" || naive["source"] == "" {
			t.Errorf("%q became %+v", body, m)
		}
		if m.Data.Kind == pubsub.JSON && !json.Valid(m.Data.Bytes) {
			t.Errorf("%q has the data %q", body, m.Data.Bytes)
		}
	})
}

func FuzzBatch(f *testing.F) {
	for _, seed := range []string{`{"messages":[{"channel":"a","data":1},{"channels":["a","b"],"event":"e","meta":{"k":"v"},"idempotency_key":"k"}]}`, `{"messages":[]}`, `{"messages":[5,{}]}`, `{"messages":[{"channel":"a b"}],}`, `{"messages":`, `[]`, "", `{"messages":[{"channel":"a","data":1}]} x`} {
		f.Add([]byte(seed))
	}
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		w := g.throw(t, "/v1/messages", "application/json", bytes.Clone(body))
		if w.Code != 200 {
			return
		}
		var naive struct{ Messages []json.RawMessage }
		if err := json.Unmarshal(body, &naive); err != nil {
			t.Fatalf("%q was taken: %v", body, err)
		}
		var answer struct {
			Results []struct {
				Index int
				ID    string
				Error *struct{ Code problem.Code }
			}
			Failed int
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		next, failed := 0, 0
		for _, r := range answer.Results {
			if r.Index != next && r.Index != next-1 {
				t.Fatalf("%q: a result of item %d where %d is expected", body, r.Index, next)
			}
			next = r.Index + 1
			if r.Error != nil {
				failed++
			}
			if (r.Error == nil) == (r.ID == "") {
				t.Fatalf("%q: %s", body, w.Body)
			}
		}
		if next != len(naive.Messages) || failed != answer.Failed {
			t.Errorf("%q: %d items, %s", body, len(naive.Messages), w.Body)
		}
	})
}

func FuzzTokens(f *testing.F) {
	for _, seed := range []string{`{"sub":"ann"}`, `{"sub":"ann","capabilities":{"a:*":["subscribe"]},"channels":["a:1"],"ttl":"1h"}`, `{"sub":"\ud800"}`, `{"sub":"ann","ttl":"1h1h1h"}`, `{"sub":null}`, `{"sub":"a","capabilities":{"*":[]}}`, `{"sub":"a","exp":5}`} {
		f.Add([]byte(seed))
	}
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		w := g.throw(t, "/v1/tokens", "application/json", bytes.Clone(body))
		if w.Code != 201 {
			return
		}
		var naive struct {
			Sub      string
			Channels []string
		}
		if err := json.Unmarshal(body, &naive); err != nil {
			t.Fatalf("%q was taken: %v", body, err)
		}
		var answer struct{ Token string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		id, err := g.tokens.Verify(answer.Token, time.Now())
		if err != nil || id.User != naive.Sub || len(id.Channels) != len(naive.Channels) {
			t.Errorf("%q: %v, %+v", body, err, id)
		}
	})
}

// FuzzHeaders throws whatever a header can hold at what is read from headers.
func FuzzHeaders(f *testing.F) {
	f.Add("Content-Type", "text/plain; charset=\"")
	f.Add("Idempotency-Key", `"a\"`)
	f.Add("Ce-Id", "%zz%C3%BC")
	f.Add("Wsbridge-Meta-A", "\xff")
	f.Add("Content-Encoding", "gzip, identity")
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, name, value string) {
		r := httptest.NewRequest("POST", "/v1/channels/a/messages", strings.NewReader("1"))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Ce-Specversion", "1.0")
		r.Header.Set("Ce-Source", "s")
		r.Header.Set("Ce-Type", "t")
		r.Header.Set(name, value)
		w := httptest.NewRecorder()
		g.handler.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s: %q: %d %s", name, value, w.Code, w.Body)
		}
	})
}
