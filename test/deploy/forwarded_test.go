package deploy

import (
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/test/deploy/balancer"
	"github.com/wsbridge/wsbridge/test/testserver"
)

// TestClientAddress: the server logs the address that the load balancer was called from, and
// not what a client claims, unless it does not trust the load balancer.
func TestClientAddress(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		for _, test := range []struct{ name, trusted, want string }{
			{"trusted", "127.0.0.1/32", "127.0.0.9"},
			{"not trusted", "", "127.0.0.1"},
		} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				server := testserver.Start(t, "WSBRIDGE_LOG_LEVEL=debug", "WSBRIDGE_TRUSTED_PROXIES="+test.trusted)
				b := balancer.Start(t, kind, []string{server.Addr})
				from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
				elsewhere := http.Client{Transport: &http.Transport{DialContext: from.DialContext, DisableKeepAlives: true}}
				req, err := http.NewRequestWithContext(patient(t), http.MethodGet, b.URL("/v1/poll?channels=a&wait=0"), nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("X-Forwarded-For", "203.0.113.7")
				resp, err := elsewhere.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				var ended string
				eventually(t, "the server's log", func() bool {
					for line := range strings.Lines(server.Log()) {
						if strings.Contains(line, "connection ended") {
							ended = line
						}
					}
					return ended != ""
				})
				if !strings.Contains(ended, " ip="+test.want+"\n") && !strings.Contains(ended, " ip="+test.want+" ") {
					t.Errorf("not from %s: %s", test.want, ended)
				}
			})
		}
	})
}

// TestOrigin: a page that the load balancer serves may connect, since it passes on the host
// that was asked, with its port. A foreign one may not, whatever is claimed.
func TestOrigin(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		server := testserver.Start(t, "WSBRIDGE_TRUSTED_PROXIES=127.0.0.1/32")
		b := balancer.Start(t, kind, []string{server.Addr})
		if a := ask(t, b.URL("/v1/poll?channels=a&wait=0"), "", "Origin", b.URL("")); a.status != http.StatusOK {
			t.Errorf("the page's own host: %d %s", a.status, a.body)
		}
		for _, claim := range []string{"X-Nothing", "X-Forwarded-Host"} {
			if a := ask(t, b.URL("/v1/poll?channels=a&wait=0"), "", "Origin", "https://evil.example", claim, "evil.example"); a.code() != "origin" {
				t.Errorf("a foreign host with %s: %d %s", claim, a.status, a.body)
			}
		}
	})
}

// TestRequestID: what a client is told leads to the line in the load balancer's log.
func TestRequestID(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		server := testserver.Start(t)
		b := balancer.Start(t, kind, []string{server.Addr})
		for _, id := range []string{"", "of-the-client:7"} {
			a := ask(t, b.URL("/v1/poll?channels=a&wait=0"), "", "X-Request-Id", id)
			got := a.header.Get("X-Request-Id")
			if got == "" || id != "" && got != id {
				t.Errorf("%q became %q", id, got)
			}
			eventually(t, "the log names the request", func() bool { return strings.Contains(b.Log(), got) })
		}
	})
}

// TestLogsHaveNoTokens: neither log of a load balancer holds a token, if all goes well or not.
func TestLogsHaveNoTokens(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		const token = "eyJhbGciOiJIUzI1NiJ9.a-token"
		server := testserver.Start(t)
		b := balancer.Start(t, kind, []string{server.Addr})
		request := func(path string) int {
			return ask(t, b.URL(path+"?channels=a&wait=0&token="+token), "").status
		}
		request("/v1/poll")
		request("/v1/ws")
		server.Terminate()
		server.Wait(t)
		if status := request("/v1/sse"); status < 500 {
			t.Errorf("without an instance: %d", status)
		}
		eventually(t, "the log has all requests", func() bool {
			log := b.Log()
			return strings.Contains(log, "GET /v1/poll ") && strings.Contains(log, "GET /v1/ws ") && strings.Contains(log, "GET /v1/sse ")
		})
		if strings.Contains(b.Log(), token) {
			t.Errorf("the log has the token:\n%s", b.Log())
		}
	})
}
