package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/test/chaos/ledger"
)

const (
	enough      = 5000 // acknowledged publications
	transitions = 20   // changes of transport of each subscriber

	// overdue is how long nothing may come to a subscriber that is owed something. A canary is
	// missed after two seconds; and it is well below the 30 s after which an instance compares
	// what it was told with the logs whatever happens, which would hide that nothing else did.
	overdue = 15 * time.Second

	// long bounds the traffic behind a fault, on a machine that does something else as well.
	long = 5 * time.Minute

	most  = 3  // instances
	hot   = 6  // channels with traffic
	quiet = 20 // channels with a message only where a scenario says so
)

// A run is one scenario with one seed. Its methods are for the test's goroutine, which plays
// the scenario.
type run struct {
	t      *testing.T
	name   string
	seed   uint64
	flaw   string
	rng    *rand.Rand
	ledger *ledger.Ledger

	instances []*instance
	balancer  *balancer
	token     string
	channels  []pubsub.Channel
	whispers  *publisher
	late      bool
	proven    int // how often the fault was proven to have hit

	over       context.Context // ends with the run
	end        func()
	mood       atomic.Pointer[mood]
	wake       context.CancelFunc // wakes who sleeps in it
	calm       context.CancelFunc // ends it
	publishing context.CancelFunc
	publishers sync.WaitGroup

	more        []raw.Transport // of subscribers beside one for each transport
	subscribers []*subscriber
	subscribing context.CancelFunc
	listeners   sync.WaitGroup
}

// A mood tells subscribers what to do.
type mood struct {
	kind
	woken context.Context // when those who sleep come back
	ended context.Context // when the next mood begins
}

type kind int

const (
	restless kind = iota // all change their transport every moment
	settled              // each follows its habit
	resting              // all stay where they are
)

func newRun(t *testing.T, name string, seed uint64, flaw string) *run {
	r := &run{t: t, name: name, seed: seed, flaw: flaw, ledger: ledger.New()}
	r.rng = r.random("run")
	var end context.CancelFunc
	r.over, end = context.WithCancel(context.Background())
	r.end = func() {
		end()
		r.publishers.Wait()
		r.listeners.Wait()
	}
	t.Cleanup(r.end)
	for n := range hot {
		r.channels = append(r.channels, pubsub.Channel(fmt.Sprintf("chaos:hot-%d", n)))
	}
	for n := range quiet {
		r.channels = append(r.channels, pubsub.Channel(fmt.Sprintf("chaos:quiet-%d", n)))
	}
	r.feel(restless)
	return r
}

// random returns a source that depends on the seed and on what it is for.
func (r *run) random(purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(r.name + "/" + purpose))
	return rand.New(rand.NewPCG(r.seed, h.Sum64()))
}

// channel returns one with traffic.
func (r *run) channel(rng *rand.Rand) pubsub.Channel { return r.channels[rng.IntN(hot)] }

// between returns a time that the seed chooses.
func (r *run) between(least, most time.Duration) time.Duration {
	return least + draw(r.rng, most-least)
}

// draw returns a time below one.
func draw(rng *rand.Rand, below time.Duration) time.Duration {
	return time.Duration(rng.Int64N(int64(below)))
}

// anyBalancer returns one that the seed chooses.
func (r *run) anyBalancer() string { return balancers[r.rng.IntN(len(balancers))] }

// start starts two or three instances, a load balancer, and all clients; it returns when
// everyone has begun. redis returns the URL that the n-th instance is given.
func (r *run) start(redis func(n int) string) {
	r.t.Helper()
	for n := range most - r.rng.IntN(2) {
		r.instances = append(r.instances, newInstance(r.t, r.flaw, "WSBRIDGE_REDIS_URL="+redis(n)))
	}
	r.open(r.anyBalancer())
}

func (r *run) open(balancer string) {
	r.t.Helper()
	r.balancer = newBalancer(r.t, balancer, r.instances)
	r.token = r.sign()
	r.t.Cleanup(r.end) // before the processes are killed
	r.t.Logf("%s, seed %d: %d instances behind %s", r.name, r.seed, len(r.instances), balancer)

	for n, t := range append(raw.Transports(), r.more...) {
		r.subscribers = append(r.subscribers, r.subscriber(fmt.Sprintf("stays-%s-%d", t, n), stays, t))
	}
	for name, h := range map[string]habit{"roams": roams, "hops": hops, "sleeps": sleeps} {
		r.subscribers = append(r.subscribers, r.subscriber(name, h, raw.WebSocket))
	}
	var ctx context.Context
	ctx, r.subscribing = context.WithCancel(r.over)
	for _, s := range r.subscribers {
		r.listeners.Go(func() { s.subscribe(ctx) })
	}
	eventually(r.t, "everyone has begun", func() bool {
		return !slices.ContainsFunc(r.subscribers, func(s *subscriber) bool { return s.changes.Load() < 2 })
	})

	ctx, r.publishing = context.WithCancel(r.over)
	for n := range 3 {
		p := r.publisher(fmt.Sprintf("single-%d", n))
		r.publishers.Go(func() { p.singles(ctx) })
	}
	for n := range 2 {
		p := r.publisher(fmt.Sprintf("batches-%d", n))
		r.publishers.Go(func() { p.batches(ctx) })
	}
	keyless := r.publisher("keyless")
	r.publishers.Go(func() { keyless.keyless(ctx) })
	r.whispers = r.publisher("whispers")
}

// sign returns a token for all channels.
func (r *run) sign() (token string) {
	r.t.Helper()
	body := `{"sub":"chaos","ttl":"24h","capabilities":{"chaos:*":["subscribe","history"]}}`
	req, err := http.NewRequest(http.MethodPost, r.instances[0].url()+"/v1/tokens", strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := impatient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Token string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Token == "" {
		r.t.Fatalf("no token: %s, %v", resp.Status, err)
	}
	return answer.Token
}

func (r *run) feel(k kind) {
	if r.calm != nil {
		r.calm()
	}
	m := &mood{kind: k}
	m.ended, r.calm = context.WithCancel(r.over)
	m.woken, r.wake = context.WithCancel(m.ended)
	r.mood.Store(m)
}

// finish ends the traffic when there was enough of it, reads the logs, waits until everyone
// has everything, and returns what the ledger says.
func (r *run) finish(s *scenario) ledger.Verdict {
	r.t.Helper()
	r.feel(restless)
	for limit := time.Now().Add(long); !r.sufficed() && !r.late && !time.Now().After(limit); {
		r.pass(50 * time.Millisecond)
	}
	r.publishing()
	r.publishers.Wait()
	r.feel(resting)
	for _, c := range r.channels {
		r.readLog(c)
	}
	if !r.late {
		r.dwindles(func() int {
			v := r.ledger.Judge(s.lossy...)
			return v.Violations[ledger.Lost]
		})
	}
	r.subscribing()
	r.listeners.Wait()
	v := r.ledger.Judge(s.lossy...)

	if v.Acknowledged < enough {
		r.fail("%d publications were acknowledged, at least %d are needed", v.Acknowledged, enough)
	}
	for _, s := range r.subscribers {
		if n := s.changes.Load(); n < transitions {
			r.fail("%s changed its transport %d times, at least %d are needed", s.name, n, transitions)
		}
		r.t.Logf("%s: %d lines, %d changes; ended by %v", s.name, s.lines.Load(), s.changes.Load(), s.ends)
	}
	if s.loses {
		r.prove(v.Missing > 0, "%d acknowledged messages are not in the logs any more", v.Missing)
	}
	if r.proven == 0 {
		r.fail("nothing proves that the fault has hit")
	}
	return v
}

// sufficed reports whether there was enough traffic, and enough changes of transport.
func (r *run) sufficed() bool {
	_, acknowledged := r.ledger.Counts()
	return acknowledged >= enough && !slices.ContainsFunc(r.subscribers, func(s *subscriber) bool {
		return s.changes.Load() < transitions
	})
}
