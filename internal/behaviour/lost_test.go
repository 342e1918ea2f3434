package behaviour

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
)

// A replica takes over that lacks the last messages. Who had them is told that the log went
// back, and who had not come so far is told that they are missing: both once, and then both
// go on with what is published next.
func TestRedisLosesTheEndOfALog(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t)
	replica := master.Replica(t)
	proxy := redistest.NewProxy(t, master.Addr())
	s := pair(instance(t, proxy.Addr(), setup{}), instance(t, proxy.Addr(), setup{}))
	j := s.journal(t, named(t, "orders"))
	j.write(t, 2)
	j.at = append(j.at, s.stored(t, s.backend(t, request{
		path: messagesOf(j.channel) + "?durability=replicated", body: "3",
	})))
	replica.CutReplica()
	crowd := s.gather(t, j)
	if r := s.backend(t, request{path: messagesOf(j.channel) + "?durability=replicated", body: "4"}); r.refusal() != "503 not_replicated" {
		t.Errorf("without a replica: %s", r.refusal())
	}
	j.at = append(j.at, s.end(t, j.channel))
	j.write(t, 2)
	crowd.catchUp(t, j, 3)

	old := *j
	master.Kill()
	replica.Promote()
	proxy.Redirect(replica.Addr())
	proxy.Cut()
	for _, at := range []*server{s, s.peer} {
		until(t, "it is ready", func() bool { return at.readiness(t) == "ok" })
	}
	until(t, "the log is marked", func() bool { return s.end(t, j.channel).Offset == 4 })
	// Of what was written, the log has three messages and behind them the mark.
	j.at = append(old.at[:4:4], s.end(t, j.channel))

	crowd.comeAgain(t)
	for _, l := range crowd.lines {
		l.rolledBack(j, old.at[old.last()])
	}
	waiting := slices.Collect(maps.Values(crowd.lines))
	for _, at := range []*server{s, s.peer} {
		for _, transport := range raw.Transports() {
			l := at.join(t, transport, raw.Options{Cursor: old.behind(2), Wait: 55 * time.Second})
			j.is(t, l.message(), 3)
			l.gap(pubsub.Gap{Channel: j.channel, Reason: pubsub.Rollback, From: j.at[3], To: j.at[4]})
			waiting = append(waiting, l)
		}
	}
	j.write(t, 1)
	for _, l := range waiting {
		j.is(t, l.message(), 5)
	}
}

// rolledBack reads that the log went back from a position, to where the journal ends now: in
// one step, or first to where the log was cut off.
func (l *line) rolledBack(j *journal, from pubsub.Position) {
	l.t.Helper()
	for end := j.at[j.last()]; from != end; {
		e := l.next()
		if e.Gap == nil || e.Gap.Reason != pubsub.Rollback || e.Gap.From != from {
			l.t.Fatalf("%s came (%+v), want that the log went back from %v to %v", e.Type, e.Gap, from, end)
		}
		from = e.Gap.To
	}
}
