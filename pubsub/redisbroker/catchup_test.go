package redisbroker

import (
	"strconv"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
)

// often has the ends of logs be read more often than every 30 seconds.
func often(o *Options) { o.PositionTTL = 400 * time.Millisecond }

// TestAudit loses a log while nothing is wrong with any line.
func TestAudit(t *testing.T) {
	server := redistest.Start(t)
	w, r := start(t, server, often), read(t, server, often)
	r.follow("a", "b")
	w.send("a", "1")
	w.send("b", "1")
	r.expect("a", "1")
	r.expect("b", "1")

	server.Do("UNLINK", r.keys.record("a"), r.keys.log("a"))
	until(t, "the gap", func() bool { return len(r.gaps()) == 1 })
	same(t, "the reason", pubsub.Replaced, r.gaps()[0].Reason)
	same(t, "breaks", 1, int(r.lines.stats().Breaks["audit"]))
	same(t, "the state", pubsub.Up, r.Status().State)
	w.send("b", "2")
	r.expect("b", "1", "2")
}

// Under traffic, the end that is read is further than what came. That is no reason for a break.
func TestAuditUnderTraffic(t *testing.T) {
	server := redistest.Start(t)
	w, r := start(t, server), read(t, server, often)
	many := names(4)
	r.follow(many...)
	f := pour(w, many)
	until(t, "canaries behind many audits", func() bool { return r.lines.nodes[""].lines[0].heard.Load() > 3 })
	r.expectAll(f.end())
	same(t, "breaks", 0, r.broken())
}

// A position lives as long as its channel is followed.
func TestFollowedPositionsLive(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server, func(o *Options) {
		o.PositionTTL, o.Lines = 2*time.Second, 1
		o.Retention = func(pubsub.Channel) pubsub.Retention { return pubsub.Retention{} } // else messages keep it
	})
	many := names(1500)
	s.follow(many...)
	end := s.end("c7")
	for range 2 {
		s.end("nobody's")
		until(t, "it to be forgotten", func() bool { return server.Do("EXISTS", s.keys.record("nobody's")) == "0" })
	}
	same(t, "the end", end, s.end("c7"))
	same(t, "records", strconv.Itoa(len(many)), server.Do(append([]string{"EXISTS"}, records(s, many)...)...))
}

func records(s *subject, channels []pubsub.Channel) (keys []string) {
	for _, c := range channels {
		keys = append(keys, s.keys.record(c))
	}
	return keys
}
