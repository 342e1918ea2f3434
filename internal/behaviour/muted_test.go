package behaviour

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// One instance hears nothing of what is published, over lines that look alive. Nobody is
// told of a gap, neither who is further than the instance nor who is not, and once it has
// found out, everybody there is served from the log.
func TestPubSubIsMute(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	proxy := redistest.NewProxy(t, redis.Addr())
	s := pair(instance(t, proxy.Addr(), setup{}), instance(t, redis.Addr(), setup{}))
	j := s.journal(t, named(t, "orders"))
	j.write(t, 1)

	// What a line has seen, by its number.
	seen := make(map[*line]int)
	stand := func(n int) {
		for _, transport := range raw.Transports() {
			l := s.join(t, transport, raw.Options{Cursor: j.behind(n), Wait: 55 * time.Second})
			if n == j.last() {
				s.park(t, l, transport, j.channel)
			}
			seen[l] = n
		}
	}
	catchUp := func() {
		t.Helper()
		for l := range seen {
			for seen[l] < j.last() {
				seen[l]++
				j.is(t, l.message(), seen[l])
			}
		}
	}
	stand(1)
	until(t, "all are there", func() bool { return s.info(t, j.channel).Subscribers >= len(seen)-1 })

	proxy.Mute(true)
	swallowed := proxy.Swallowed()
	j.write(t, 3)
	until(t, "announcements do not arrive", func() bool { return proxy.Swallowed() > swallowed })
	for _, n := range []int{4, 2} {
		r := s.do(t, request{
			path:   "/v1/poll?wait=0&cursor=" + j.behind(n).String(),
			header: []string{"Authorization: Bearer " + s.token()},
		})
		a, err := wire.ParseAnswer(r.body)
		if err != nil || len(a.Gaps) > 0 || len(a.Messages) != 4-n {
			t.Errorf("a poll behind %d of 4 messages: %v, %s", n, err, r.body)
		}
		if diff := cmp.Diff(j.behind(4), a.Cursor); diff != "" {
			t.Errorf("the cursor is another (-want +got):\n%s", diff)
		}
	}
	stand(4) // further than the instance knows of
	stand(0)
	until(t, "it is found out", func() bool { return s.readiness(t) == "degraded" })
	j.write(t, 2)
	catchUp()

	proxy.Mute(false)
	until(t, "the lines are back", func() bool { return s.readiness(t) == "ok" })
	j.write(t, 2)
	catchUp()
}

// readiness is what the server says of itself: ok, degraded, or 503 and why.
func (s *server) readiness(t *testing.T) string {
	t.Helper()
	r := s.do(t, request{path: "/readyz"})
	if r.status >= 300 {
		return r.refusal()
	}
	var ready struct{ Status string }
	r.decode(t, &ready)
	return strings.TrimSpace(ready.Status)
}
