package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/internal/seen"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/transport"
)

const apiKey = "key-of-the-tests"

// A site is a server over real HTTP, with a broker that can be made to fail.
type site struct {
	t      testing.TB
	url    string
	broker *failingBroker
	bridge *bridge.Bridge
	client *transport.Server

	mu      sync.Mutex
	results map[string]int // what OnPublish was told
	log     bytes.Buffer
}

// Write is the log's.
func (s *site) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(b)
}

func (s *site) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// counted returns how often publications had which result.
func (s *site) counted() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.results)
}

// newSite starts a server. change may be nil.
func newSite(t testing.TB, change func(*Options)) *site {
	t.Helper()
	s := &site{t: t, broker: &failingBroker{Broker: membroker.New(membroker.Options{})}, results: make(map[string]int)}
	s.bridge = bridge.New(s.broker, bridge.Options{})
	if err := s.bridge.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	streams := relay.New(relay.Options{})
	keys := auth.NewKeys([]auth.Secret{auth.NewSecret("another"), auth.NewSecret(apiKey)}).Match
	s.client = transport.New(s.bridge, transport.Options{Authenticate: authenticateClient, Relay: streams, Keys: keys})
	tokens, err := auth.NewTokens(auth.TokenOptions{Keys: []auth.Secret{auth.NewSecret(strings.Repeat("k", 32))}})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Bridge:    s.bridge,
		Transport: s.client,
		Keys:      keys,
		Sign: func(c auth.Claims, ttl time.Duration) (string, time.Time, error) {
			return tokens.Sign(c, ttl, time.Now())
		},
		OnPublish: func(result string) {
			s.mu.Lock()
			s.results[result]++
			s.mu.Unlock()
		},
		Logger: slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	handler := seen.Record(New(o))
	server := httptest.NewUnstartedServer(handler)
	server.Listener = s.client.Front(server.Listener, handler, Short)
	server.Start()
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		streams.Close()
		s.client.Close()
		s.bridge.Close()
	})
	return s
}

// authenticateClient knows the tokens of the tests.
func authenticateClient(token string) (transport.Identity, error) {
	switch token {
	case "":
		return transport.Identity{}, nil
	case "good":
		return transport.Identity{User: "ann", May: func(transport.Operation, pubsub.Channel) bool { return true }}, nil
	case "narrow":
		return transport.Identity{User: "ann"}, nil
	case "expired":
		return transport.Identity{}, transport.ErrTokenExpired
	}
	return transport.Identity{}, transport.ErrTokenInvalid
}

// A published is the answer to one publication.
type published struct {
	ID        string         `json:"id"`
	Channel   pubsub.Channel `json:"channel"`
	Pos       string         `json:"pos"`
	Duplicate bool           `json:"duplicate"`
}

// A call is a request of a backend, and what came back.
type call struct {
	method, path string
	header       []string // "Name: value"; the API key is added unless Authorization is given
	body         string
	reader       io.Reader // instead of body: sent chunked
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (s *site) do(c call) reply {
	s.t.Helper()
	var body io.Reader = strings.NewReader(c.body)
	if c.body == "" {
		body = nil
	}
	if c.reader != nil {
		body = struct{ io.Reader }{c.reader}
	}
	req, err := http.NewRequest(c.method, s.url+c.path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	for _, line := range c.header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Authorization" {
			req.Header.Del(name)
		}
		if name == "Host" {
			req.Host = value
		} else if value != "" {
			req.Header.Add(name, value)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	got := reply{resp.StatusCode, resp.Header, string(text)}
	s.checkEveryAnswer(c, got, resp.ContentLength)
	return got
}

// checkEveryAnswer holds an answer against what all of them have in common.
func (s *site) checkEveryAnswer(c call, got reply, length int64) {
	s.t.Helper()
	if got.header.Get("X-Request-Id") == "" {
		s.t.Errorf("%s %s: no request id", c.method, c.path)
	}
	if c.method == "HEAD" || got.status == 204 || strings.HasPrefix(c.path, "/client") {
		return // the scripts are no answers of the API, see package clientjs
	}
	if length != int64(len(got.body)) {
		s.t.Errorf("%s %s: Content-Length %d, body of %d bytes", c.method, c.path, length, len(got.body))
	}
	if cache := got.header.Get("Cache-Control"); cache != "no-store" {
		s.t.Errorf("%s %s: Cache-Control %q", c.method, c.path, cache)
	}
	want := "application/json"
	if got.status >= 400 {
		want = problem.ContentType
		var p struct {
			Type, Title, Detail, Code string
			Status                    int
			RequestID                 string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(got.body), &p); err != nil {
			s.t.Errorf("%s %s: %v in %s", c.method, c.path, err, got.body)
		}
		if problem.New(problem.Code(p.Code), "").Code != problem.Code(p.Code) || p.Status != got.status || p.Detail == "" || p.Title == "" || p.Type == "" {
			s.t.Errorf("%s %s: status %d, problem %s", c.method, c.path, got.status, got.body)
		}
		if p.RequestID != got.header.Get("X-Request-Id") {
			s.t.Errorf("%s %s: request id %q in the body, %q in the header", c.method, c.path, p.RequestID, got.header.Get("X-Request-Id"))
		}
		if (got.status == 503 || got.status == 429) != (got.header.Get("Retry-After") != "") {
			s.t.Errorf("%s %s: status %d with Retry-After %q", c.method, c.path, got.status, got.header.Get("Retry-After"))
		}
	}
	if kind := got.header.Get("Content-Type"); kind != want {
		s.t.Errorf("%s %s: Content-Type %q", c.method, c.path, kind)
	}
}

// code returns the code of a problem, or "".
func (r reply) code() string {
	var p struct{ Code string }
	json.Unmarshal([]byte(r.body), &p)
	return p.Code
}

func (r reply) detail() string {
	var p struct{ Detail string }
	json.Unmarshal([]byte(r.body), &p)
	return p.Detail
}

// into decodes the answer.
func (r reply) into(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), v); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
}

// publish publishes JSON and returns what was answered.
func (s *site) publish(channel, data string) published {
	s.t.Helper()
	got := s.do(call{method: "POST", path: "/v1/channels/" + channel + "/messages", header: []string{"Content-Type: application/json"}, body: data})
	if got.status != 201 {
		s.t.Fatalf("publish: %d %s", got.status, got.body)
	}
	var p published
	got.into(s.t, &p)
	return p
}

// last returns the newest message of a channel as its log has it.
func (s *site) last(channel string) *pubsub.Message {
	s.t.Helper()
	page, err := s.bridge.ReadBack(context.Background(), pubsub.Channel(channel), pubsub.Position{}, pubsub.Limit{Messages: 1})
	if err != nil || len(page.Messages) != 1 {
		s.t.Fatalf("the log of %s: %d messages, %v", channel, len(page.Messages), err)
	}
	return page.Messages[0]
}

// retained returns how many messages a channel keeps.
func (s *site) retained(channel string) int {
	s.t.Helper()
	info, err := s.bridge.Info(context.Background(), pubsub.Channel(channel))
	if err != nil {
		s.t.Fatal(err)
	}
	return info.Retained
}
