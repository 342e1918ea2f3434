package behaviour

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// answerTime is the five seconds within which a publish is answered, and as much again for a
// machine that has other things to do.
const answerTime = 10 * time.Second

// absences are how Redis goes, and how it comes back with all that it had.
var absences = []struct {
	name       string
	begin, end func(*redistest.Server)
}{
	{"frozen", (*redistest.Server).Freeze, (*redistest.Server).Thaw},
	{"killed", (*redistest.Server).Kill, (*redistest.Server).Restart},
}

// While Redis is away publishes are refused in time, and who is connected stays, on all
// instances. When it is back, repeats store what was not stored, once, and everyone is given
// all of it, in order.
func TestRedisIsAway(t *testing.T) {
	t.Parallel()
	for _, absence := range absences {
		t.Run(absence.name, func(t *testing.T) {
			t.Parallel()
			redis := redistest.StartAOF(t, "--appendfsync", "always")
			s := pair(instance(t, redis.Addr(), setup{}), instance(t, redis.Addr(), setup{}))
			j := s.journal(t, named(t, "orders"))
			crowd := s.gather(t, j)
			quiet := named(t, "quiet")
			began, held := time.Now(), s.hold(t, quiet, s.token())
			until(t, "the poll is held", func() bool { return s.info(t, quiet).Subscribers == 1 })

			absence.begin(redis)
			attempts := s.attempts(j.channel)
			tryAll(t, attempts)
			for _, at := range []*server{s, s.peer} {
				until(t, "it is not ready", func() bool { return at.readiness(t) == "503 unavailable" })
				at.refusesAll(t, j.channel)
			}
			absence.end(redis)

			for _, at := range []*server{s, s.peer} {
				until(t, "it is ready", func() bool { return at.readiness(t) == "ok" })
			}
			for n := range attempts {
				until(t, "a repeat is answered", func() bool { return attempts[n].try(t) })
			}
			stored := s.storedOnce(t, j, len(attempts))
			crowd.comeAgain(t)
			for _, l := range crowd.lines {
				for _, m := range stored {
					if diff := cmp.Diff(m, l.message()); diff != "" {
						t.Fatalf("another message came (-stored +came):\n%s", diff)
					}
				}
			}
			crowd.follow(t, j, j.last())
			pos := s.publish(t, quiet, "1")
			a := <-held
			if time.Since(began) > 55*time.Second {
				return // its own time was up
			}
			if len(a.Messages) != 1 || a.Messages[0].Pos != pos || len(a.Gaps) > 0 {
				t.Errorf("the poll that was held all the time was answered with %+v", a)
			}
		})
	}
}

// One instance cannot reach Redis, and the others can: what is published there meanwhile
// reaches its clients when the line is mended, before anything newer.
func TestAnInstanceLosesRedis(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	proxy := redistest.NewProxy(t, redis.Addr())
	s := pair(instance(t, proxy.Addr(), setup{}), instance(t, redis.Addr(), setup{}))
	j := s.journal(t, named(t, "orders"))
	crowd := s.gather(t, j)

	proxy.Block(true)
	j.write(t, 5)
	until(t, "it is not ready", func() bool { return s.readiness(t) == "503 unavailable" })
	s.refusesAll(t, j.channel)
	if got := s.peer.readiness(t); got != "ok" {
		t.Errorf("the other instance says %s", got)
	}
	j.write(t, 5)
	proxy.Block(false)

	until(t, "it is ready", func() bool { return s.readiness(t) == "ok" })
	crowd.comeAgain(t)
	crowd.follow(t, j, 0)
}

// The connections to Redis break, and are back before anybody would call them dead. What was
// published in between comes by itself, and not only when more is published.
func TestConnectionsToRedisBreak(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	proxy := redistest.NewProxy(t, redis.Addr())
	s := pair(instance(t, proxy.Addr(), setup{}), instance(t, redis.Addr(), setup{}))
	j := s.journal(t, named(t, "orders"))
	crowd := s.gather(t, j)
	for range 3 {
		until(t, "its lines are there", func() bool { return s.readiness(t) == "ok" && proxy.Subscribed() > 0 })
		seen := j.last()
		proxy.Block(true)
		proxy.Cut()
		j.write(t, 3)
		proxy.Block(false)
		crowd.comeAgain(t)
		crowd.catchUp(t, j, seen)
	}
	crowd.follow(t, j, j.last())
}

// storedOnce returns what is stored behind the end of a journal, which must be the numbers
// up to n, each once, in any order and for every instance. The journal goes on behind that.
func (s *server) storedOnce(t *testing.T, j *journal, n int) []*pubsub.Message {
	t.Helper()
	path := messagesOf(j.channel) + "?limit=1000&since=" + j.at[j.last()].String()
	a, err := wire.ParseAnswer(s.backend(t, request{path: path}).body)
	if err != nil || len(a.Messages) != n || len(a.Gaps) > 0 {
		t.Fatalf("%d messages are stored, %v, %d gaps; want %d", len(a.Messages), err, len(a.Gaps), n)
	}
	other, err := wire.ParseAnswer(s.peer.backend(t, request{path: path}).body)
	if diff := cmp.Diff(a, other); err != nil || diff != "" {
		t.Errorf("two instances say what is stored: %v (-one +other)\n%s", err, diff)
	}
	found := make(map[string]bool)
	for _, m := range a.Messages {
		found[string(m.Data.Bytes)] = true
		j.at = append(j.at, m.Pos)
	}
	for i := range n {
		if !found[strconv.Itoa(i+1)] {
			t.Errorf("publication %d is not stored", i+1)
		}
	}
	return a.Messages
}

// A crowd is one client on each transport, all on one instance and at one position.
type crowd struct {
	*server
	lines map[raw.Transport]*line
}

// gather returns a crowd at the end of a journal, once all that wait do.
func (s *server) gather(t *testing.T, j *journal) *crowd {
	t.Helper()
	c := &crowd{s, make(map[raw.Transport]*line)}
	for _, transport := range raw.Transports() {
		l := s.join(t, transport, raw.Options{Cursor: j.behind(j.last()), Wait: 55 * time.Second})
		s.park(t, l, transport, j.channel)
		c.lines[transport] = l
	}
	until(t, "all are there", func() bool { return s.info(t, j.channel).Subscribers >= len(c.lines)-1 })
	return c
}

// comeAgain replaces the one line that did not stay for sure: plain polls were refused, some
// of them or none.
func (c *crowd) comeAgain(t *testing.T) {
	t.Helper()
	l := c.lines[raw.Poll]
	l.CloseNow()
	c.lines[raw.Poll] = c.join(t, raw.Poll, raw.Options{Cursor: l.Cursor()})
}

// catchUp reads what is behind the n-th message.
func (c *crowd) catchUp(t *testing.T, j *journal, n int) {
	t.Helper()
	for _, l := range c.lines {
		for n := n + 1; n <= j.last(); n++ {
			j.is(t, l.message(), n)
		}
	}
}

// follow reads what the crowd has not seen behind the n-th message, and one for each that is
// only published now.
func (c *crowd) follow(t *testing.T, j *journal, n int) {
	t.Helper()
	for _, l := range c.lines {
		j.follow(t, l, n)
	}
}

// refusesAll checks that what needs a log is refused, and what does not is answered.
func (s *server) refusesAll(t *testing.T, c pubsub.Channel) {
	t.Helper()
	// Together, since each may take seconds; and without waiting for other scripts, as
	// parallel ones do, since the outage goes on meanwhile.
	var wg sync.WaitGroup
	for name, path := range map[string]string{
		"history": messagesOf(c), "channels": "/v1/channels", "channel": "/v1/channels/" + string(c),
	} {
		wg.Go(func() {
			t.Run(name, func(t *testing.T) {
				if r := s.peer.backend(t, request{path: path}); r.refusal() != "503 unavailable" {
					t.Errorf("%s: %s", path, r.refusal())
				}
			})
		})
	}
	for _, transport := range raw.Transports() {
		wg.Go(func() {
			t.Run(transport.String(), func(t *testing.T) { s.refusesNew(t, transport) })
		})
	}
	wg.Wait()
	if r := s.do(t, request{path: "/healthz"}); r.status != http.StatusOK {
		t.Errorf("healthz: %s", r.refusal())
	}
}

// An attempt is a publication with a key, that is tried until it is answered well.
type attempt struct {
	at      *server
	request request
	unknown bool // whether it may be stored
}

// attempts are some for each instance and each way to publish.
func (s *server) attempts(c pubsub.Channel) []*attempt {
	var all []*attempt
	for i, at := range []*server{s, s.peer} {
		for range 4 {
			n := len(all) + 1
			all = append(all, &attempt{at: at, request: request{
				path: messagesOf(c), body: fmt.Sprint(n),
				header: []string{"Authorization: Bearer " + apiKey, "Content-Type: application/json", fmt.Sprint("Idempotency-Key: ", n)},
			}})
		}
		n := len(all) + 1
		command := wire.Command{
			Type: wire.Publish, Ref: "1", Token: s.token(), Client: fmt.Sprint("tab-", i), Channel: c,
			Key: fmt.Sprint(n), Data: pubsub.Data{Kind: pubsub.JSON, Bytes: fmt.Append(nil, n)},
		}
		all = append(all, &attempt{at: at, request: request{
			path: "/v1/send", body: string(wire.AppendCommand(nil, &command)), header: []string{"Content-Type: text/plain"},
		}})
	}
	return all
}

// tryAll checks that all attempts are refused.
func tryAll(t *testing.T, attempts []*attempt) {
	t.Helper()
	begin := time.Now()
	var wg sync.WaitGroup
	for _, a := range attempts {
		wg.Go(func() {
			if a.try(t) {
				t.Error("a publish was answered with 2xx while Redis was away")
			}
		})
	}
	wg.Wait()
	unknown := 0
	for _, a := range attempts {
		if a.unknown {
			unknown++
		}
	}
	t.Logf("the last of %d publishes was refused after %v, %d of them as unknown", len(attempts), time.Since(begin).Round(time.Millisecond), unknown)
}

// try reports whether the attempt was answered well. If not, it was refused as it should.
func (a *attempt) try(t *testing.T) bool {
	q := a.request
	q.within = answerTime
	r, err := a.at.try(q)
	switch {
	case err != nil:
		t.Errorf("publish: %v", err)
	case r.status < 300:
		var receipt struct{ Duplicate bool }
		r.decode(t, &receipt)
		if receipt.Duplicate && !a.unknown {
			t.Errorf("what is said not to be stored is: %s", r.body)
		}
		return true
	case r.header.Get("Retry-After") == "":
		t.Errorf("publish: %s without Retry-After", r.refusal())
	case r.refusal() == "503 outcome_unknown":
		a.unknown = true
	case r.refusal() != "503 unavailable":
		t.Errorf("publish: %s", r.refusal())
	}
	return false
}
