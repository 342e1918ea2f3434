package api

import (
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
)

func TestTokens(t *testing.T) {
	s := newSite(t, nil)
	tokens, err := auth.NewTokens(auth.TokenOptions{Keys: []auth.Secret{auth.NewSecret(strings.Repeat("k", 32))}})
	if err != nil {
		t.Fatal(err)
	}
	for body, ttl := range map[string]time.Duration{
		`{"sub":"ann"}`:              time.Hour,
		`{"sub":"ann","ttl":"90s"}`:  90 * time.Second,
		`{"sub":"ann","ttl":null}`:   time.Hour,
		`{"sub":"ann","ttl":"720h"}`: 720 * time.Hour,
		`{"sub":"ann","capabilities":{"orders:*":["subscribe","history"]},"channels":["news"],"ttl":"1h"}`: time.Hour,
	} {
		before := time.Now()
		got := s.do(call{method: "POST", path: "/v1/tokens", header: []string{"Content-Type: application/json"}, body: body})
		var answer struct {
			Token   string
			Expires time.Time
		}
		got.into(t, &answer)
		if got.status != 201 {
			t.Errorf("%s: %d %s", body, got.status, got.body)
			continue
		}
		if d := answer.Expires.Sub(before.Add(ttl)); d < -2*time.Second || d > 30*time.Second {
			t.Errorf("%s: expires %v", body, answer.Expires)
		}
		id, err := tokens.Verify(answer.Token, before)
		if err != nil || id.User != "ann" {
			t.Errorf("%s: %v, %+v", body, err, id)
			continue
		}
		if rich := strings.Contains(body, "news"); id.May(auth.Subscribe|auth.History, "orders:1") != rich || len(id.Channels) == 1 != rich {
			t.Errorf("%s: %+v", body, id)
		}
	}
	if strings.Contains(s.logged(), "eyJ") {
		t.Error("a token stands in the log")
	}
}

func TestTokensRefused(t *testing.T) {
	s := newSite(t, nil)
	asJSON := "Content-Type: application/json"
	for _, tt := range []struct {
		header, body string
		status       int
		code, detail string
	}{
		{"", `{"sub":"ann"}`, 415, "unsupported_media_type", "application/json"},
		{"Content-Type: application/x-www-form-urlencoded", `sub=ann`, 415, "unsupported_media_type", "application/json"},
		{asJSON, `{"sub":`, 400, "bad_json", "byte"},
		{asJSON, `"ann"`, 400, "bad_request", "object"},
		{asJSON, `{}`, 400, "bad_request", "sub is missing"},
		{asJSON, `{"sub":""}`, 400, "bad_request", "sub has 1 to 128 bytes"},
		{asJSON, `{"sub":"` + strings.Repeat("u", 129) + `"}`, 400, "bad_request", "sub"},
		{asJSON, `{"sub":5}`, 400, "bad_request", "sub must be a string"},
		{asJSON, `{"Sub":"ann"}`, 400, "bad_request", `"Sub", known are sub, capabilities, channels, ttl`},
		{asJSON, `{"sub":"ann","sub":"bob"}`, 400, "bad_request", "twice"},
		{asJSON, `{"sub":"ann","exp":1}`, 400, "bad_request", `"exp"`},
		{asJSON, `{"sub":"ann","ttl":3600}`, 400, "bad_request", "ttl"},
		{asJSON, `{"sub":"ann","ttl":"1 hour"}`, 400, "bad_request", `"15m"`},
		{asJSON, `{"sub":"ann","ttl":"0s"}`, 400, "bad_request", "from 1s"},
		{asJSON, `{"sub":"ann","ttl":"-1h"}`, 400, "bad_request", "from 1s"},
		{asJSON, `{"sub":"ann","ttl":"721h"}`, 400, "bad_request", "720h"},
		{asJSON, `{"sub":"ann","capabilities":["a"]}`, 400, "bad_request", "capabilities must be a map"},
		{asJSON, `{"sub":"ann","capabilities":{"a":["read"]}}`, 400, "bad_request", "presence"},
		{asJSON, `{"sub":"ann","capabilities":{"a b":["publish"]}}`, 400, "bad_request", "pattern"},
		{asJSON, `{"sub":"ann","channels":"news"}`, 400, "bad_request", "channels must be a list"},
		{asJSON, `{"sub":"ann","channels":["a b"]}`, 400, "bad_request", "channels"},
		{asJSON, `{"sub":"ann","channels":["` + strings.Repeat("c", 200) + strings.Repeat(`","`+strings.Repeat("c", 200), 99) + `"]}`, 400, "bad_request", "8192"},
		{asJSON, strings.Repeat(" ", 64<<10+1), 413, "too_large", "65536"},
	} {
		got := s.do(call{method: "POST", path: "/v1/tokens", header: []string{tt.header}, body: tt.body})
		if got.status != tt.status || got.code() != tt.code || !strings.Contains(got.detail(), tt.detail) {
			t.Errorf("%.60s: %d %s, want %d %s with %q", tt.body, got.status, got.body, tt.status, tt.code, tt.detail)
		}
	}
	if got := s.do(call{method: "POST", path: "/v1/tokens?ttl=1h", header: []string{asJSON}, body: `{"sub":"ann"}`}); got.code() != "bad_request" {
		t.Errorf("a query: %d %s", got.status, got.body)
	}
}

func TestTokensWithoutKeys(t *testing.T) {
	none, err := auth.NewTokens(auth.TokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []func(*Options){
		func(o *Options) { o.Sign = nil },
		func(o *Options) {
			o.Sign = func(c auth.Claims, ttl time.Duration) (string, time.Time, error) {
				return none.Sign(c, ttl, time.Now())
			}
		},
	} {
		s := newSite(t, change)
		got := s.do(call{method: "POST", path: "/v1/tokens", header: []string{"Content-Type: application/json"}, body: `{"sub":"ann"}`})
		if got.status != 501 || got.code() != "not_supported" || !strings.Contains(got.detail(), "WSBRIDGE_TOKEN_KEYS") {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}
