package client

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestMovesUpToWhatWorksAgain(t *testing.T) {
	for _, tt := range []struct {
		name string
		box  *middlebox
		used []Transport
	}{
		{"from a stream", &middlebox{to: "origin", refuseWebSocket: true}, []Transport{SSE, WebSocket}},
		{"from long polling", &middlebox{to: "origin", whole: true}, []Transport{LongPoll, WebSocket}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t)
				s.net.middlebox(t, "middlebox", tt.box)
				used := through(t, s, "middlebox", 500, 500*time.Millisecond, func() {
					time.Sleep(100 * time.Second)
					// In vain for 60 s and 120 s more, and then it is let through.
					s.net.middlebox(t, "middlebox", &middlebox{to: "origin"})
				})
				if !slices.Equal(used, tt.used) {
					t.Errorf("connected by %v, expected %v", used, tt.used)
				}
			})
		})
	}
}

func TestBetterTransportsAreTriedEverMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		box := &middlebox{to: "origin", refuseWebSocket: true}
		s.net.middlebox(t, "middlebox", box)
		c := s.client("middlebox", Options{OnState: func(st State) { t.Log(time.Now().Format("15:04:05.000"), st) }})
		if _, err := c.Subscribe(t.Context(), "open:a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(119 * time.Minute)
		// At once, after 1, 3, 7 and 15 minutes, and then every 15 minutes.
		if n := box.count("/v1/ws"); n != 11 {
			t.Errorf("a WebSocket was tried %d times in 2 hours", n)
		}
		if n := box.count("/v1/sse"); n != 1 {
			t.Errorf("%d streams were opened", n)
		}
	})
}

func TestLineOfAnotherHistoryTakesNothingOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		s.net.middlebox(t, "middlebox", &middlebox{to: "origin", refuseWebSocket: true})
		c := s.client("middlebox", Options{})
		sub, err := c.Subscribe(t.Context(), "open:a")
		if err != nil {
			t.Fatal(err)
		}
		s.net.middlebox(t, "middlebox", &middlebox{to: "origin", slow: time.Second})
		s.publish("open:a", 1, 10, 0)
		l := &ledger{t: t}
		l.follow(sub, 10)
		time.Sleep(time.Minute + 500*time.Millisecond) // a WebSocket is being opened from behind message 10
		if _, err := s.bridge.Purge(t.Context(), "open:a"); err != nil {
			t.Fatal(err)
		}
		s.publish("open:a", 11, 20, 0)
		l.follow(sub, 20)
		time.Sleep(10 * time.Minute)
		s.publish("open:a", 21, 30, 0)
		l.follow(sub, 30)
		if len(l.gaps) != 1 || c.State().Transport != WebSocket {
			t.Errorf("gaps: %v; it is %+v", l.gaps, c.State())
		}
	})
}
