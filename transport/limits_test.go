package transport_test

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/transport"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// behindProxy trusts loopback, so that tests can come from any address.
func behindProxy(l transport.Limits) setup {
	return setup{Options: transport.Options{Limits: l, TrustedProxies: []netip.Prefix{
		netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	}}}
}

func from(address string) string { return "X-Forwarded-For: " + address }

// A holder opens one connection, which stays until the end of the test or until it is let go.
type holder struct {
	transport string
	path      string
	hold      func(s *site, address string) (letGo func())
}

func holdBody(path string) func(*site, string) func() {
	return func(s *site, address string) func() {
		s.t.Helper()
		res := s.stream(path, from(address))
		return func() { res.Body.Close() }
	}
}

var holders = []holder{
	{"sse", "/v1/sse?token=ann&channels=a", holdBody("/v1/sse?token=ann&channels=a")},
	{"http-stream", "/v1/http-stream?token=ann&channels=a", holdBody("/v1/http-stream?token=ann&channels=a")},
	{"long-poll", "/v1/poll?token=ann&channels=a", func(s *site, address string) func() {
		ctx, cancel := context.WithCancel(context.Background())
		req, _ := http.NewRequestWithContext(ctx, "GET", s.url+"/v1/poll?token=ann&channels=a&wait=55", nil)
		req.Header.Set("X-Forwarded-For", address)
		done := make(chan struct{})
		go func() {
			defer close(done)
			if res, err := s.http.Do(req); err == nil {
				res.Body.Close()
			}
		}()
		s.t.Cleanup(func() { cancel(); <-done })
		return cancel
	}},
	{"websocket", "/v1/ws?token=ann&channels=a", func(s *site, address string) func() {
		l := s.webSocket("token=ann&channels=a", &websocket.DialOptions{Header: http.Header{"X-Forwarded-For": {address}}})
		expect(l, "welcome")
		return func() { l.conn.CloseNow() }
	}},
}

// refusedBy opens a connection that must be refused before it is one, and returns the answer.
func (s *site) refusedBy(path, address string, status int, code string) *http.Response {
	s.t.Helper()
	header := []string{from(address)}
	if strings.HasPrefix(path, "/v1/ws") {
		header = append(header, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
	}
	res := s.request("GET", path, "", header...)
	if res.StatusCode == http.StatusSwitchingProtocols || res.StatusCode == 200 {
		s.t.Fatalf("%s from %s is let in, want %s", path, address, code)
	}
	body := string(s.read(res))
	if res.StatusCode != status || !strings.Contains(body, `"code":"`+code+`"`) || res.Header.Get("Content-Type") != "application/problem+json" {
		s.t.Fatalf("%s from %s: %d %s, want %d %s", path, address, res.StatusCode, body, status, code)
	}
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 31 {
		s.t.Fatalf("%s: Retry-After %q", path, res.Header.Get("Retry-After"))
	}
	return res
}

// comesIn waits until a poll is let in, as it is soon after somebody left.
func (s *site) comesIn(address string) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		res := s.request("GET", "/v1/poll?token=ann&channels=a&wait=0", "", from(address))
		s.read(res)
		if res.StatusCode == 200 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("a place that was left is not free: %d", res.StatusCode)
		}
	}
}

// The connections of all transports count together, whichever takes the last place.
func TestConnections(t *testing.T) {
	for _, h := range holders {
		t.Run(h.transport, func(t *testing.T) {
			s := open(t, behindProxy(transport.Limits{Connections: 2}))
			holders[0].hold(s, "192.0.2.1")
			letGo := h.hold(s, "192.0.2.2")
			s.await("opened", 1, func(l *ledger) int { return l.opened[h.transport] })
			for _, path := range holders {
				s.refusedBy(path.path, "192.0.2.3", 503, "over_capacity")
			}
			s.refusedBy("/v1/streams/x?token=ann", "192.0.2.3", 503, "over_capacity")
			s.await("limited", len(holders)+1, func(l *ledger) int { return l.limited["connections"] })
			s.await("refused", 1, func(l *ledger) int { return l.refused["websocket over_capacity"] })
			letGo()
			s.comesIn("192.0.2.3")
		})
	}
}

func TestConnectionsPerAddress(t *testing.T) {
	for _, h := range holders {
		for _, c := range []struct{ name, address, same, other string }{
			{"IPv4", "192.0.2.1", "192.0.2.1", "192.0.2.2"},
			{"IPv6", "2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"},
			{"IPv4 in IPv6", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"},
			{"what a client made up", "192.0.2.1", "198.51.100.1, 192.0.2.1", "192.0.2.1, 192.0.2.2"},
		} {
			t.Run(h.transport+"/"+c.name, func(t *testing.T) {
				s := open(t, behindProxy(transport.Limits{ConnectionsPerAddress: 1}))
				letGo := h.hold(s, c.address)
				s.await("opened", 1, func(l *ledger) int { return l.opened[h.transport] })
				for _, path := range holders {
					s.refusedBy(path.path, c.same, 429, "rate_limited")
				}
				s.comesIn(c.other)
				letGo()
				s.comesIn(c.same)
			})
		}
	}
}

// Without trusted proxies what a client says of its address counts for nothing.
func TestAddressIsNotBelieved(t *testing.T) {
	s := open(t, setup{Options: transport.Options{Limits: transport.Limits{ConnectionsPerAddress: 1}}})
	holders[0].hold(s, "192.0.2.1")
	s.refusedBy("/v1/poll?token=ann&channels=a", "192.0.2.2", 429, "rate_limited")
}

// A connection that was refused for something else gives its place back.
func TestRefusedTakeNoPlace(t *testing.T) {
	s := open(t, behindProxy(transport.Limits{Connections: 1, ConnectionsPerAddress: 1}))
	for range 3 {
		for _, path := range []string{"/v1/poll", "/v1/sse", "/v1/http-stream", "/v1/ws"} {
			if res := s.request("GET", path+"?token=garbage", "", from("192.0.2.1")); res.StatusCode == 503 || res.StatusCode == 429 {
				t.Fatalf("%s: %d %s", path, res.StatusCode, s.read(res))
			}
		}
		l := s.webSocket("token=garbage", &websocket.DialOptions{Header: http.Header{"X-Forwarded-For": {"192.0.2.1"}}})
		if code, _ := l.closed(); code != 4001 {
			t.Fatalf("closed with %d", code)
		}
		s.comesIn("192.0.2.1")
	}
}

// A page cannot see the answer to a handshake, so it is told behind it, with a time to come
// back. One whose origin is not allowed is told nothing.
func TestPagesSeeWhy(t *testing.T) {
	for _, c := range []struct {
		name       string
		limits     transport.Limits
		code       int
		errorCode  string
		status     int
		heldSocket bool
	}{
		{"connections", transport.Limits{Connections: 1}, 4100, "over_capacity", 503, true},
		{"connections per address", transport.Limits{ConnectionsPerAddress: 1}, 4129, "rate_limited", 429, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, setup{Options: transport.Options{Limits: c.limits}})
			expect(s.webSocket("token=ann&channels=a", nil), "welcome")
			page := func() *websocket.DialOptions {
				return &websocket.DialOptions{Header: http.Header{"Origin": {s.url}}}
			}
			l := s.webSocket("token=ann&channels=a", page())
			if e := expect(l, "error"); e.Code != c.errorCode || e.Detail == "" {
				t.Errorf("the page is told %+v", e)
			}
			code, reason := l.closed()
			if retry := wire.ParseCloseReason(reason); code != c.code || retry < time.Second || retry > 31*time.Second {
				t.Errorf("closed with %d %q, want %d and a time to come back", code, reason, c.code)
			}
			res := s.request("GET", "/v1/sse?token=ann&channels=a", "", "Origin: "+s.url)
			if res.StatusCode != c.status || res.Header.Get("Access-Control-Allow-Origin") != s.url ||
				!strings.Contains(res.Header.Get("Access-Control-Expose-Headers"), "Retry-After") {
				t.Errorf("a page sees %d %v", res.StatusCode, res.Header)
			}
			res = s.request("GET", "/v1/sse?token=ann&channels=a", "", "Origin: https://evil.example")
			if res.StatusCode != 403 {
				t.Errorf("a foreign page sees %d", res.StatusCode)
			}
		})
	}
}

// In a storm of pages most refusals stay cheap.
func TestMostRefusalsOfAStormStayCheap(t *testing.T) {
	s := open(t, setup{Options: transport.Options{Limits: transport.Limits{Connections: 1}}})
	expect(s.webSocket("token=ann&channels=a", nil), "welcome")
	var told, refused int
	for deadline := time.Now().Add(patience); refused == 0; {
		conn, res, err := websocket.Dial(context.Background(), "ws"+strings.TrimPrefix(s.url, "http")+"/v1/ws?token=ann",
			&websocket.DialOptions{Header: http.Header{"Origin": {s.url}}})
		switch {
		case err == nil:
			told++
			conn.CloseNow()
		case res != nil && res.StatusCode == 503:
			refused++
		default:
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Skipf("this machine makes no storm: %d handshakes in %v", told, patience)
		}
	}
	if told < 100 {
		t.Errorf("only %d pages were told why", told)
	}
}

// A storm is let in at the rate, and all get in when they come back as they are told.
func TestStormIsPaced(t *testing.T) {
	const clients, perSecond = 600, 200
	s := open(t, setup{Options: transport.Options{Limits: transport.Limits{ConnectRate: perSecond}}})
	var wg sync.WaitGroup
	var refused atomic.Int64
	for range clients {
		wg.Go(func() {
			for {
				conn, res, err := websocket.Dial(context.Background(), "ws"+strings.TrimPrefix(s.url, "http")+"/v1/ws?token=ann&channels=a", nil)
				if err == nil {
					t.Cleanup(func() { conn.CloseNow() })
					return
				}
				if res == nil || res.StatusCode != 503 {
					t.Error(err)
					return
				}
				refused.Add(1)
				seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Duration(seconds) * time.Second)
			}
		})
	}
	wg.Wait()
	s.await("opened", clients, func(l *ledger) int { return l.opened["websocket"] })
	if refused.Load() == 0 {
		t.Skip("this machine makes no storm")
	}
}

func TestRequestRatePerAddress(t *testing.T) {
	for _, path := range []string{"/v1/poll?token=ann&channels=a&wait=0", "/v1/sse?channels=a", "/v1/http-stream?channels=a", "/v1/ws?channels=a"} {
		t.Run(path, func(t *testing.T) {
			s := open(t, behindProxy(transport.Limits{RequestRatePerAddress: 1}))
			for range 10 {
				if res := s.request("POST", "/v1/send?token=ann", `{"type":"history","ref":1,"channel":"a","limit":1}`, from("192.0.2.1")); res.StatusCode != 200 {
					t.Fatalf("%d %s", res.StatusCode, s.read(res))
				}
			}
			s.refusedBy(path, "192.0.2.1", 429, "rate_limited")
			s.comesIn("192.0.2.2")
			s.await("limited", 1, func(l *ledger) int { return l.limited["request_rate_per_address"] })
		})
	}
	t.Run("send", func(t *testing.T) {
		s := open(t, behindProxy(transport.Limits{RequestRatePerAddress: 1}))
		for i := range 11 {
			res := s.request("POST", "/v1/send?token=ann", `{"type":"history","ref":1,"channel":"a","limit":1}`, from("2001:db8::"+strconv.Itoa(i)))
			if want := map[bool]int{true: 200, false: 429}[i < 10]; res.StatusCode != want {
				t.Fatalf("request %d of a /64: %d, want %d", i+1, res.StatusCode, want)
			}
		}
		s.await("refused", 1, func(l *ledger) int { return l.refused["send rate_limited"] })
	})
}
