package client

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// each runs a test over every transport, in virtual time.
func each(t *testing.T, run func(*testing.T, Options)) {
	for _, only := range []Transport{WebSocket, SSE, HTTPStream, LongPoll, Poll} {
		t.Run(only.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { run(t, Options{Transports: []Transport{only}}) })
		})
	}
}

func TestSubscriptionsComeAndGo(t *testing.T) {
	each(t, func(t *testing.T, o Options) {
		s := serve(t)
		c := s.client("origin", o)
		ledgers := make(map[pubsub.Channel]*ledger)
		subs := make(map[pubsub.Channel]*Subscription)
		for round := range 6 {
			name := pubsub.Channel(fmt.Sprintf("open:%d", round))
			sub, err := c.Subscribe(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			subs[name], ledgers[name] = sub, &ledger{t: t}
			if round >= 3 {
				gone := pubsub.Channel(fmt.Sprintf("open:%d", round-3))
				if err := subs[gone].Close(); err != nil {
					t.Error(err)
				}
				if _, err := subs[gone].Next(t.Context()); !errors.Is(err, ErrClosed) {
					t.Errorf("Next of a closed subscription: %v", err)
				}
				delete(subs, gone)
			}
			for name, sub := range subs {
				l := ledgers[name]
				s.publish(name, l.next+1, l.next+5, 0)
				l.follow(sub, l.next+5)
			}
			time.Sleep(10 * time.Second) // lines have been replaced, if they had to be
			for i := range round + 1 {
				name := pubsub.Channel(fmt.Sprintf("open:%d", i))
				info, err := s.bridge.Info(t.Context(), name)
				if err != nil {
					t.Fatal(err)
				}
				if _, wanted := subs[name]; wanted && o.Transports[0] != Poll && info.Subscribers == 0 || !wanted && info.Subscribers > 0 {
					t.Errorf("round %d: %s has %d subscribers", round, name, info.Subscribers)
				}
			}
		}
	})
}

func TestSubscribeAgainGoesOnFromNow(t *testing.T) {
	each(t, func(t *testing.T, o Options) {
		s := serve(t)
		c := s.client("origin", o)
		if _, err := c.Subscribe(t.Context(), "open:other"); err != nil { // so that the line stays
			t.Fatal(err)
		}
		for n := range 5 {
			sub, err := c.Subscribe(t.Context(), "open:a")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Subscribe(t.Context(), "open:a"); !errors.Is(err, ErrSubscribed) {
				t.Errorf("twice at once: %v", err)
			}
			// More than a subscription holds, so that the rest is on its way when it ends.
			s.publish("open:a", n*1000+1, n*1000+1000, 0)
			(&ledger{t: t, next: n * 1000}).follow(sub, n*1000+5)
			sub.Close()
		}
	})
}

func TestSubscribeFromAPosition(t *testing.T) {
	each(t, func(t *testing.T, o Options) {
		s := serve(t)
		s.publish("open:a", 1, 2000, 0)
		c := s.client("origin", o)
		first, err := c.SubscribeFrom(t.Context(), "open:a", pubsub.Position{})
		if err != nil {
			t.Fatal(err)
		}
		l := &ledger{t: t}
		l.follow(first, 700)
		cursor := first.Cursor()
		first.Close()
		second, err := c.SubscribeAll(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		l.follow(second, 2000)
		if at, _ := second.Cursor().Find("open:a"); at.Pos.Offset != 2000 || len(l.gaps) > 0 {
			t.Errorf("stands at %v; gaps %v", at.Pos, l.gaps)
		}
	})
}

func TestGaps(t *testing.T) {
	each(t, func(t *testing.T, o Options) {
		s := serve(t)
		o.Token = FixedToken(s.token(24 * time.Hour))
		s.publish("few:a", 1, 20, 0)
		c := s.client("origin", o)
		lost := pubsub.Position{Epoch: "lost", Offset: 7}
		sub, err := c.SubscribeFrom(t.Context(), "few:a", lost)
		if err != nil {
			t.Fatal(err)
		}
		l := &ledger{t: t, next: 15}
		l.follow(sub, 20)
		if len(l.gaps) != 1 || l.gaps[0].Reason != pubsub.Replaced || l.gaps[0].From != lost || l.gaps[0].To.Offset != 15 {
			t.Errorf("gaps: %+v", l.gaps)
		}
		if _, err := s.bridge.Purge(t.Context(), "few:a"); err != nil {
			t.Fatal(err)
		}
		s.publish("few:a", 21, 23, 0)
		l.follow(sub, 23)
		if len(l.gaps) != 2 || l.gaps[1].Reason != pubsub.Purged || l.gaps[1].From.Offset != 20 {
			t.Errorf("gaps: %+v", l.gaps)
		}
	})
}

func TestForbiddenChannelStopsNoOther(t *testing.T) {
	each(t, func(t *testing.T, o Options) {
		s := serve(t)
		c := s.client("origin", o)
		refused := func(c pubsub.Channel, err error) {
			t.Helper()
			no := (*Refused)(nil)
			if !errors.As(err, &no) || no.Code != "unauthorized" || no.Channel != string(c) {
				t.Errorf("%s: %v", c, err)
			}
		}
		_, err := c.Subscribe(t.Context(), "private:a")
		refused("private:a", err)
		sub, err := c.Subscribe(t.Context(), "open:a")
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Subscribe(t.Context(), "private:b")
		refused("private:b", err)
		s.publish("open:a", 1, 5, 0)
		(&ledger{t: t}).follow(sub, 5)
	})
}

func TestTerminalCodesStop(t *testing.T) {
	each(t, func(t *testing.T, o Options) {
		s := serve(t)
		o.Token = FixedToken("nonsense")
		c := s.client("origin", o)
		if _, err := c.Subscribe(t.Context(), "open:a"); codeOf(err) != "token_invalid" {
			t.Errorf("Subscribe returned %v", err)
		}
		synctest.Wait()
		dials := s.net.dials()
		time.Sleep(10 * time.Minute)
		if n := s.net.dials(); n != dials || c.State().Status != Idle {
			t.Errorf("%d connections came later; it is %+v", n-dials, c.State())
		}
	})
}

func TestChannelsOfTheToken(t *testing.T) {
	each(t, func(t *testing.T, o Options) {
		s := serve(t)
		o.Token = FixedToken(s.token(time.Hour, "open:a", "open:b"))
		c := s.client("origin", o)
		sub, err := c.SubscribeAll(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // a WebSocket confirms them one by one
		s.publish("open:a", 1, 2, 0)
		(&ledger{t: t}).follow(sub, 2)
		s.publish("open:b", 3, 4, 0)
		(&ledger{t: t, next: 2}).follow(sub, 4)
		if _, err := c.SubscribeAll(t.Context(), nil); !errors.Is(err, errGranted) {
			t.Errorf("once more: %v", err)
		}
	})
}

func TestSlowSubscriptionIsLeftBehind(t *testing.T) {
	each(t, func(t *testing.T, o Options) {
		s := serve(t)
		c := s.client("origin", o)
		slow, err := c.Subscribe(t.Context(), "open:slow")
		if err != nil {
			t.Fatal(err)
		}
		quick, err := c.Subscribe(t.Context(), "open:quick")
		if err != nil {
			t.Fatal(err)
		}
		s.publish("open:slow", 1, 3000, 0)
		begin := time.Now()
		s.publish("open:quick", 1, 10, 0)
		(&ledger{t: t}).follow(quick, 10)
		if waited := time.Since(begin); waited > 5*time.Second {
			t.Errorf("another subscription waited %v", waited)
		}
		slow.mu.Lock()
		held := len(slow.queue)
		slow.mu.Unlock()
		if held > queueEvents {
			t.Errorf("%d events are held", held)
		}
		l := &ledger{t: t}
		l.follow(slow, 3000)
		s.publish("open:slow", 3001, 3010, 0)
		l.follow(slow, 3010)
		if len(l.gaps) > 0 {
			t.Errorf("gaps: %v", l.gaps)
		}
	})
}

func TestSubscribeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		c := s.client("nowhere", Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := c.Subscribe(ctx, "open:a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Subscribe returned %v", err)
		}
		if state := c.State(); state.Status != Idle {
			t.Errorf("it is %+v", state)
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	each(t, func(t *testing.T, o Options) {
		s := serve(t)
		c := s.client("origin", o)
		sub, err := c.Subscribe(t.Context(), "open:a")
		if err != nil {
			t.Fatal(err)
		}
		s.publish("open:a", 1, 3, 0)
		l := &ledger{t: t}
		l.follow(sub, 1)
		time.Sleep(5 * time.Second)
		c.Close()
		l.follow(sub, 3) // what was there is there still
		if _, err := sub.Next(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("Next returned %v", err)
		}
		if _, err := c.Subscribe(t.Context(), "open:b"); !errors.Is(err, ErrClosed) {
			t.Errorf("Subscribe returned %v", err)
		}
		if err := sub.Close(); !errors.Is(err, ErrClosed) {
			t.Errorf("Close of the subscription returned %v", err)
		}
	})
}
