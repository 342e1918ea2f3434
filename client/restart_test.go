package client

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRestartsLoseNothing(t *testing.T) {
	for _, only := range [][]Transport{{WebSocket}, {SSE}, {HTTPStream}, {LongPoll}, {Poll}} {
		t.Run(only[0].String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t)
				c := s.client("origin", Options{Transports: only})
				sub, err := c.Subscribe(t.Context(), "open:a")
				if err != nil {
					t.Fatal(err)
				}
				published := make(chan struct{})
				go func() {
					defer close(published)
					s.publish("open:a", 1, 500, 100*time.Millisecond)
				}()
				go func() {
					for range 3 {
						time.Sleep(10 * time.Second)
						s.restart()
					}
				}()
				l := &ledger{t: t}
				l.follow(sub, 500)
				<-published
				if len(l.gaps) > 0 {
					t.Errorf("gaps: %v", l.gaps)
				}
				time.Sleep(time.Minute) // the last restart
			})
		})
	}
}

func TestServerThatIsAwayIsTriedWithMeasure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		c := s.client("nowhere", Options{})
		go func() {
			time.Sleep(10 * time.Minute)
			s.net.middlebox(t, "nowhere", &middlebox{to: "origin"})
		}()
		begin := time.Now()
		sub, err := c.Subscribe(t.Context(), "open:a")
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < 10*time.Minute || took > 10*time.Minute+backoffMost {
			t.Errorf("connected after %v", took)
		}
		// Some 60 rounds; each asks for a WebSocket, and then finds out by the first of the others.
		if n := s.net.dials(); n < 60 || n > 600 {
			t.Errorf("%d connections were tried in 10 minutes", n)
		}
		s.publish("open:a", 1, 10, 0)
		(&ledger{t: t}).follow(sub, 10)
		if state := c.State(); state.Status != Connected || state.Transport != WebSocket {
			t.Errorf("it is %+v", state)
		}
	})
}
