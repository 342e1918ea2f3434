package redisbroker

import (
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestDownFromWhenTheSilenceBegan(t *testing.T) {
	var s status
	began := time.Now().Add(-time.Minute)
	s.set(pubsub.Up)
	s.answered(false, began.Add(-time.Minute)) // by one of several masters
	s.answered(true, began.Add(-time.Second))
	s.answered(false, began)
	s.answered(false, began.Add(time.Second))
	if !s.set(pubsub.Down) || !s.now.Load().Since.Equal(began) {
		t.Errorf("down since %v, want %v", s.now.Load().Since, began)
	}
	if s.set(pubsub.Down) {
		t.Error("down once more")
	}
	s.answered(true, began.Add(2*time.Second))
	if !s.set(pubsub.Up) || time.Since(s.now.Load().Since) > 30*time.Second {
		t.Errorf("up since %v", s.now.Load().Since)
	}
	if !s.set(pubsub.Down) || time.Since(s.now.Load().Since) > 30*time.Second {
		t.Errorf("down since %v, and everything was answered", s.now.Load().Since)
	}
}
