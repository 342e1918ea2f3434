package transport_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/transport"
)

// ask sends a request through CheckOrigin of a server with these options.
func ask(t *testing.T, o transport.Options, method, url string, header ...string) *http.Response {
	t.Helper()
	s := transport.New(bridge.New(membroker.New(membroker.Options{}), bridge.Options{}), o)
	defer s.Close()
	h := s.CheckOrigin(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	}))
	r := httptest.NewRequest(method, url, nil)
	r.RemoteAddr = "10.0.0.7:4711"
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestOrigins(t *testing.T) {
	listed := transport.Options{AllowedOrigins: []string{"https://app.example", "https://*.test.example"}}
	proxied := transport.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for _, c := range []struct {
		name    string
		options transport.Options
		url     string
		header  []string
		ok      bool
	}{
		{"no page", transport.Options{}, "http://a.example/", nil, true},
		{"own host", transport.Options{}, "http://a.example/", []string{"Origin: https://a.example"}, true},
		{"own host, other port", transport.Options{}, "http://a.example:8080/", []string{"Origin: http://a.example:3000"}, false},
		{"foreign", transport.Options{}, "http://a.example/", []string{"Origin: https://b.example"}, false},
		{"two origins", transport.Options{}, "http://a.example/", []string{"Origin: http://a.example", "Origin: http://a.example"}, false},
		{"null", transport.Options{}, "http://a.example/", []string{"Origin: null"}, false},
		{"listed", listed, "http://a.example/", []string{"Origin: https://app.example"}, true},
		{"subdomain", listed, "http://a.example/", []string{"Origin: https://x.test.example"}, true},
		{"not listed, own host", listed, "http://a.example/", []string{"Origin: http://a.example"}, false},
		{"all", transport.Options{AllowedOrigins: []string{"*"}}, "http://a.example/", []string{"Origin: https://b.example"}, true},
		{"behind a proxy", proxied, "http://inner:8080/", []string{"Origin: https://a.example", "X-Forwarded-Host: a.example"}, true},
		{"behind two", proxied, "http://inner:8080/", []string{"Origin: https://a.example", "X-Forwarded-Host: evil.example, a.example"}, true},
		{"forged", transport.Options{}, "http://a.example/", []string{"Origin: https://b.example", "X-Forwarded-Host: b.example"}, false},
		{"loopback", transport.Options{LoopbackOnly: true}, "http://localhost:8080/", []string{"Origin: http://127.0.0.1:3000"}, true},
		{"loopback by foreign DNS", transport.Options{LoopbackOnly: true}, "http://rebound.example/", nil, false},
		{"loopback from elsewhere", transport.Options{LoopbackOnly: true}, "http://localhost/", []string{"Origin: https://a.example"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := ask(t, c.options, "GET", c.url, c.header...)
			want := http.StatusForbidden
			if c.ok {
				want = http.StatusTeapot
			}
			if res.StatusCode != want {
				t.Fatalf("%d, want %d", res.StatusCode, want)
			}
			if res.Header.Get("Vary") != "Origin" || res.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("headers %v", res.Header)
			}
			allowed := res.Header.Get("Access-Control-Allow-Origin")
			if c.ok && len(c.header) > 0 && !strings.HasSuffix(c.header[0], allowed) || !c.ok && allowed != "" {
				t.Errorf("Access-Control-Allow-Origin %q", allowed)
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	o := transport.Options{AllowedOrigins: []string{"https://app.example"}}
	res := ask(t, o, "OPTIONS", "http://a.example/v1/poll", "Origin: https://app.example",
		"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization")
	if res.StatusCode != http.StatusNoContent {
		t.Fatalf("%d", res.StatusCode)
	}
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin":      "https://app.example",
		"Access-Control-Allow-Methods":     "GET, POST",
		"Access-Control-Allow-Headers":     "Authorization, Content-Type, Last-Event-ID, Idempotency-Key",
		"Access-Control-Max-Age":           "7200",
		"Access-Control-Allow-Credentials": "",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if res := ask(t, o, "OPTIONS", "http://a.example/", "Origin: https://b.example", "Access-Control-Request-Method: POST"); res.StatusCode != http.StatusForbidden {
		t.Errorf("foreign preflight: %d", res.StatusCode)
	}
}

func TestErrorsAreSeenByAllowedPages(t *testing.T) {
	s := open(t, setup{Options: transport.Options{AllowedOrigins: []string{"https://app.example"}}})
	res := s.request("GET", "/v1/poll?channels=a&token=old", "", "Origin: https://app.example")
	if res.StatusCode != 401 || res.Header.Get("Access-Control-Allow-Origin") != "https://app.example" ||
		!strings.Contains(res.Header.Get("Access-Control-Expose-Headers"), "Retry-After") {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

func TestBadOriginPanicsAtStart(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New took an origin with a path")
		}
	}()
	transport.New(nil, transport.Options{AllowedOrigins: []string{"https://a.example/path"}})
}

func TestClientIP(t *testing.T) {
	s := transport.New(nil, transport.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	defer s.Close()
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "10.0.0.7:4711"
	r.Header.Set("X-Forwarded-For", "192.0.2.66, 192.0.2.1, 10.0.0.9")
	if got := s.ClientIP(r).String(); got != "192.0.2.1" {
		t.Errorf("%s, want the nearest that is no proxy", got)
	}
	r.RemoteAddr = "192.0.2.50:1"
	if got := s.ClientIP(r).String(); got != "192.0.2.50" {
		t.Errorf("%s, want the peer: it is no proxy", got)
	}
}
