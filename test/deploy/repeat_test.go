package deploy

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/test/deploy/balancer"
)

// attempts are enough for every instance to be chosen at least once.
const attempts = 8

// TestPublishesAreNotRepeated: of an instance that dies without an answer nobody knows what it
// stored. So a publish reaches one instance, unless it has a key: HAProxy repeats that, nginx
// cannot tell it apart.
func TestPublishesAreNotRepeated(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		for _, test := range []struct {
			name, header string
			repeated     bool
		}{
			{"without a key", "X-Nothing", false},
			{"with a key", "Idempotency-Key", kind == balancer.HAProxy},
		} {
			t.Run(test.name, func(t *testing.T) {
				dying, sound := newDouble(t, true, dies), newDouble(t, true, stores)
				b := balancer.Start(t, kind, []string{dying.addr, sound.addr})
				deaths := 0
				for i := range attempts {
					body := fmt.Sprintf(`"message %d"`, i)
					// On a connection that was used before, HAProxy would close instead of answering 502.
					a := ask(t, b.URL("/v1/channels/a/messages"), body, test.header, body, "Connection", "close")
					died, stored := dying.times(body), sound.times(body)
					deaths += died
					switch {
					case died == 0 && (stored != 1 || a.status != http.StatusCreated):
						t.Errorf("%s: stored %d times, answered with %d", body, stored, a.status)
					case died == 1 && test.repeated && (stored != 1 || a.status != http.StatusCreated):
						t.Errorf("%s was not repeated: stored %d times, answered with %d", body, stored, a.status)
					case died == 1 && !test.repeated && (stored != 0 || a.status != http.StatusBadGateway):
						t.Errorf("%s was repeated: stored %d times, answered with %d", body, stored, a.status)
					case died > 1:
						t.Errorf("%s was sent %d times to the same instance", body, died)
					}
				}
				if deaths == 0 {
					t.Error("no publish was sent to the instance that dies")
				}
			})
		}
	})
}

// TestPollsThatBreakOff: nginx asks another instance, by POST as well. HAProxy leaves it to the
// client, and keeps no copy of a request that is held.
func TestPollsThatBreakOff(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		dying, sound := newDouble(t, true, dies), newDouble(t, true, stores)
		b := balancer.Start(t, kind, []string{dying.addr, sound.addr})
		deaths := 0
		for i := range attempts {
			for _, path := range []string{"/v1/poll", "/v1/sse", "/v1/http-stream"} {
				body := fmt.Sprintf("%s %d", path, i)
				a := ask(t, b.URL(path), body, "Connection", "close")
				died, answered := dying.times(body), sound.times(body)
				deaths += died
				if again := died == 0 || kind == balancer.Nginx; again != (a.status == http.StatusCreated && answered == 1) || died > 1 {
					t.Errorf("%s broke off %d times, was answered %d times, with %d", body, died, answered, a.status)
				}
			}
		}
		if deaths == 0 {
			t.Error("no poll was sent to the instance that dies")
		}
	})
}

// TestRefusedConnections: what could not be sent is sent elsewhere, publishes too.
func TestRefusedConnections(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		sound := newDouble(t, true, stores)
		nobody := net.JoinHostPort("127.0.0.1", strconv.Itoa(redistest.Port(t)))
		b := balancer.Start(t, kind, []string{nobody, sound.addr})
		for i := range attempts {
			body := fmt.Sprintf(`"message %d"`, i)
			if a := ask(t, b.URL("/v1/channels/a/messages"), body); a.status != http.StatusCreated || sound.times(body) != 1 {
				t.Errorf("%d, stored %d times", a.status, sound.times(body))
			}
		}
	})
}

// TestDrainingInstances: clients are served by another instance, whichever way they ask. nginx
// looks at the answer for that, and leaves that to a publish alone, which backends repeat.
func TestDrainingInstances(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		draining, sound := newDouble(t, false, says("draining")), newDouble(t, true, stores)
		b := balancer.Start(t, kind, []string{draining.addr, sound.addr})
		if kind == balancer.HAProxy {
			eventually(t, "HAProxy leaves it alone", func() bool {
				before := draining.times("/v1/ws")
				for range attempts {
					ask(t, b.URL("/v1/ws"), "")
				}
				return draining.times("/v1/ws") == before
			})
		}
		refused := 0
		for i := range attempts {
			body := fmt.Sprintf(`"message %d"`, i)
			for _, path := range []string{"/v1/poll", "/v1/sse", "/v1/http-stream"} {
				if a := ask(t, b.URL(path), body); a.status != http.StatusCreated {
					t.Errorf("POST %s: %d", path, a.status)
				}
				if a := ask(t, b.URL(path), ""); a.status != http.StatusCreated {
					t.Errorf("GET %s: %d", path, a.status)
				}
			}
			body = fmt.Sprintf(`"publish %d"`, i)
			a := ask(t, b.URL("/v1/channels/a/messages"), body)
			switch {
			case a.code() == "draining" && sound.times(body) == 0:
				refused++
			case a.status != http.StatusCreated || sound.times(body) != 1:
				t.Errorf("publish: %d, stored %d times", a.status, sound.times(body))
			}
		}
		if kind == balancer.HAProxy && refused > 0 {
			t.Errorf("%d publishes were sent to an instance that is not ready", refused)
		}
	})
}

// TestNobodyIsReady: while Redis is away, clients and backends are told so by an instance.
func TestNobodyIsReady(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		one, two := newDouble(t, false, says("unavailable")), newDouble(t, false, says("unavailable"))
		b := balancer.Start(t, kind, []string{one.addr, two.addr})
		if kind == balancer.HAProxy {
			eventually(t, "HAProxy finds nobody ready", func() bool { return ask(t, b.URL("/v1/ws"), "").status == http.StatusServiceUnavailable })
		}
		for i := range attempts {
			for _, a := range []answer{
				ask(t, b.URL("/v1/poll"), ""),
				ask(t, b.URL("/v1/channels/a/messages"), fmt.Sprintf(`"message %d"`, i)),
			} {
				if a.code() != "unavailable" || a.header.Get("Retry-After") == "" {
					t.Errorf("%d %s", a.status, a.body)
				}
			}
		}
	})
}
