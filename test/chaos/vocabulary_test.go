package chaos

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/test/chaos/ledger"
)

// The words that scenarios are written in.

// calmBefore ends with traffic in all channels and everyone following their habit.
func (r *run) calmBefore() {
	r.t.Helper()
	for range 3 {
		r.whisper()
	}
	r.traffic(500)
	r.settle()
	r.pass(r.between(0, time.Second))
}

// calmAfter begins when the fault is over: everyone has to be caught up, in channels that
// nothing comes in any more as well.
func (r *run) calmAfter() {
	r.ledger.Healed(time.Now())
	r.wake()
	for range 5 {
		r.whisper()
	}
	r.caughtUp("after the fault")
}

// traffic waits until so many publications more are acknowledged.
func (r *run) traffic(n int) {
	r.t.Helper()
	_, before := r.ledger.Counts()
	if !r.within(long, func() bool {
		_, now := r.ledger.Counts()
		return now >= before+n
	}) {
		r.t.Fatalf("waited %v in vain for %d publications more", long, n)
	}
}

// pass lets a time go by.
func (r *run) pass(d time.Duration) { sleep(r.over, d) }

// whisper publishes one message to a quiet channel, each time to another until all had one.
func (r *run) whisper() {
	c := r.channels[hot+r.whispers.n%quiet]
	m := r.whispers.next(c)
	r.whispers.persist(func() bool { return r.whispers.send(m, m.key) == stored })
}

// settle lets the subscribers follow their habits, and returns when all of them do.
func (r *run) settle() {
	r.t.Helper()
	r.feel(settled)
	eventually(r.t, "everyone has settled", func() bool {
		return !slices.ContainsFunc(r.subscribers, func(s *subscriber) bool {
			return !s.settled.Load() && (s.habit == stays || s.habit == sleeps)
		})
	})
}

// fail fails the run. A control is expected to do badly: only what the ledger says counts.
func (r *run) fail(format string, args ...any) {
	r.t.Helper()
	if r.flaw == "" {
		r.t.Errorf(format, args...)
	} else {
		r.t.Logf(format, args...)
	}
}

// prove notes that the fault has hit, and fails the run if it has not.
func (r *run) prove(hit bool, format string, args ...any) {
	r.t.Helper()
	what := fmt.Sprintf(format, args...)
	if !hit {
		r.fail("this was not so: %s", what)
		return
	}
	r.t.Logf("proof: %s", what)
	r.proven++
}

// within waits until something holds, and reports whether it does in the end.
func (r *run) within(d time.Duration, holds func() bool) bool {
	for end := time.Now().Add(d); !holds(); r.pass(20 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// caughtUp waits until everyone was given what was acknowledged by now. That it makes no
// headway is a violation. Those who hardly ever stay have time until the end of the run.
func (r *run) caughtUp(when string) {
	if r.late {
		return // the run has failed, or the control has succeeded
	}
	until := time.Now()
	var owed []ledger.Debt
	r.late = !r.dwindles(func() (n int) {
		owed = slices.DeleteFunc(r.ledger.Owed(until), func(d ledger.Debt) bool {
			h := r.named(d.Subscriber).habit
			return h == roams || h == hops
		})
		for _, d := range owed {
			n += d.Messages
		}
		return n
	})
	if r.late {
		r.ledger.Late(fmt.Sprintf("%s, deliveries were missing %v later: %v", when, time.Since(until).Round(time.Second), owed))
		for _, s := range r.subscribers {
			if slices.ContainsFunc(owed, func(d ledger.Debt) bool { return d.Subscriber == s.name }) {
				r.t.Logf("%s is late: it %s", s.name, s.doing.Load())
			}
		}
	}
}

// dwindles waits until n is 0, as long as it becomes less, and reports whether it does.
func (r *run) dwindles(n func() int) bool {
	begin := time.Now()
	least, since := math.MaxInt, begin
	for {
		left := n()
		if left == 0 {
			return true
		}
		if left < least {
			least, since = left, time.Now()
		}
		if time.Since(since) > overdue || time.Since(begin) > 2*patience {
			return false
		}
		r.pass(100 * time.Millisecond)
	}
}

func (r *run) named(name string) *subscriber {
	return r.subscribers[slices.IndexFunc(r.subscribers, func(s *subscriber) bool { return s.name == name })]
}

// connected are the transports whose connections outlive a broker that is away.
var connected = []raw.Transport{raw.WebSocket, raw.SSE, raw.HTTPStream}

// lines returns how many lines the subscribers that stay on one of the transports have opened.
func (r *run) lines(on ...raw.Transport) (n int64) {
	for _, s := range r.subscribers {
		if s.habit == stays && slices.Contains(on, s.home) {
			n += s.lines.Load()
		}
	}
	return n
}

// stayed holds that the subscribers with connections have opened none since.
func (r *run) stayed(lines int64) {
	r.t.Helper()
	if now := r.lines(connected...); now != lines {
		r.fail("subscribers had to open %d lines anew while the broker was away", now-lines)
	}
}

// silence lets a time go by in which publications wait, and none that is sent is acknowledged.
func (r *run) silence(d time.Duration) {
	r.t.Helper()
	begin := time.Now()
	r.pass(d)
	_, acknowledged := r.ledger.Since(begin)
	sent, answered := r.ledger.Counts()
	r.prove(acknowledged == 0 && sent > answered, "within %v, %d publications were sent and acknowledged, and %d wait for their answer",
		d.Round(time.Millisecond), acknowledged, sent-answered)
}

// unavailable holds that all instances tell that the broker is away.
func (r *run) unavailable() {
	r.t.Helper()
	for _, i := range r.instances {
		got := i.readiness()
		r.prove(got == "unavailable", "%s says of the broker: %s", i.addr, got)
	}
}

// crowded returns the instance with the most WebSockets. Of enough of them, some are of
// subscribers that stay.
func (r *run) crowded() (n int) {
	most := -1.0
	for i, instance := range r.instances {
		if sockets := instance.metric(`wsbridge_connections{transport="websocket"}`); sockets > most {
			n, most = i, sockets
		}
	}
	return n
}
