package membroker

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A moment is the smallest step of the clock in these tests.
const moment = time.Nanosecond

func TestAgeIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := plenty
		r.Age = time.Minute
		s := start(t, Options{Retention: keep(r)})
		first := s.publish("a")
		time.Sleep(20 * time.Second)
		second := s.publish("a")
		retained := func(want int) {
			t.Helper()
			info, err := s.Info(t.Context(), "a")
			if err != nil {
				t.Fatalf("Info: %v", err)
			}
			same(t, "retained", want, info.Retained)
		}
		time.Sleep(40 * time.Second)
		retained(2)
		time.Sleep(moment)
		retained(1)
		same(t, "behind the aged one", "", s.gap("a", first.Pos))
		same(t, "in front of the aged one", pubsub.Trimmed, s.gap("a", pubsub.Position{Epoch: first.Pos.Epoch}))
		time.Sleep(20 * time.Second)
		retained(0)
		same(t, "behind all that aged", "", s.gap("a", second.Pos))
	})
}

// changing is a retention that changes while a broker runs.
type changing struct {
	atomic.Pointer[pubsub.Retention]
}

func (c *changing) get(pubsub.Channel) pubsub.Retention { return *c.Load() }

func TestRetentionMayChange(t *testing.T) {
	var r changing
	count := func(n int) {
		changed := plenty
		changed.Count = n
		r.Store(&changed)
	}
	count(100)
	s := start(t, Options{Retention: r.get})
	messages := s.add("a", 10)
	count(4)
	same(t, "after less", messages[6:], s.read("a", pubsub.Position{}).Messages)
	count(8)
	same(t, "after more", messages[6:], s.read("a", pubsub.Position{}).Messages)
	count(0)
	same(t, "after off", 0, len(s.read("a", pubsub.Position{}).Messages))
	same(t, "behind the last", "", s.gap("a", messages[9].Pos))
	same(t, "in front of the last", pubsub.Trimmed, s.gap("a", messages[8].Pos))
	count(100)
	next := s.publish("a")
	same(t, "after on again", []*pubsub.Message{next}, s.read("a", messages[9].Pos).Messages)
}

func TestTimeNeverGoesBack(t *testing.T) {
	l := &log{channel: "a", memory: new(budget)}
	l.renew()
	clock := time.Date(2026, 3, 1, 12, 0, 0, 1_999_999, time.FixedZone("", 3600))
	var times []string
	for _, set := range []time.Duration{0, -time.Hour, -time.Minute, time.Second} {
		w := write{message: new(pubsub.Message), retention: plenty, fits: true}
		l.append(&w, clock.Add(set), 0)
		times = append(times, w.message.Time.Format(time.RFC3339Nano))
	}
	same(t, "the times", []string{
		"2026-03-01T11:00:00.001Z", "2026-03-01T11:00:00.001Z", "2026-03-01T11:00:00.001Z", "2026-03-01T11:00:01.001Z",
	}, times)
}

func TestPositionTTLIsExact(t *testing.T) {
	const ttl = time.Hour
	off := pubsub.Retention{}
	minute := plenty
	minute.Age = time.Minute
	for _, test := range []struct {
		name  string
		keeps pubsub.Retention
		use   func(s *subject) // after which the position lives for ttl
	}{
		{"publish", off, func(s *subject) { s.publish("a") }},
		{"read", off, func(s *subject) { s.read("a", pubsub.Position{}) }},
		{"info", off, func(s *subject) { s.Info(s.t.Context(), "a") }},
		{"unfollow", off, func(s *subject) { s.follow("a"); time.Sleep(30 * ttl); s.Unfollow("a") }},
		{"message that ages", minute, func(s *subject) { s.publish("a") }},
	} {
		for _, over := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := start(t, Options{Retention: keep(test.keeps), PositionTTL: ttl})
					s.publish("a")
					time.Sleep(ttl - moment)
					test.use(s)
					p := s.shard("a").find("a").end
					time.Sleep(ttl)
					want := pubsub.Reason("")
					if over {
						time.Sleep(moment)
						want = pubsub.Replaced
					}
					same(t, "the gap", want, s.gap("a", p))
				})
			})
		}
	}
}

func TestPositionOutlastsItsTTLWithAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := plenty
		r.Age = 3 * time.Hour
		s := start(t, Options{Retention: keep(r), PositionTTL: time.Hour})
		m := s.publish("a")
		time.Sleep(r.Age)
		info, active := s.inspect(s.shard("a").find("a"))
		same(t, "retained", 1, info.Retained)
		same(t, "active", true, active)
		time.Sleep(moment)
		same(t, "the gap", pubsub.Replaced, s.gap("a", m.Pos))
	})
}
