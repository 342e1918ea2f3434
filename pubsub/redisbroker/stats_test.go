package redisbroker

import (
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

func TestStats(t *testing.T) {
	server := redistest.Start(t)
	s := startInstance(t, server, quick)
	s.subscribe("a", 1)
	s.publish(pubsubtest.NewPublication("a", "one"))
	s.publish(pubsubtest.NewPublication("a", "two"))
	if _, err := s.Purge(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	until(t, "what was announced is counted", func() bool {
		got := s.Stats()
		return got.Announcements >= 2 && got.Breaks["log"] == 1
	})
	if got := s.Stats(); got.Waiting != 0 || got.LinesDead != 0 || got.Reconnects != 0 {
		t.Errorf("%+v", got)
	}
	server.ClientKill("pubsub")
	until(t, "lines that were made anew are counted", func() bool { return s.Stats().Reconnects > 0 })
	until(t, "the broker is up", func() bool { return s.Status().State == pubsub.Up })
}
