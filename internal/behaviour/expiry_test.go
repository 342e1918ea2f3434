package behaviour

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// dying returns a token that is good for a few seconds more, thanks to the leeway alone.
func (s *server) dying() string {
	const left = 5 * time.Second
	return s.sign(auth.Claims{User: "ann", Capabilities: everything}, left-auth.Leeway)
}

// Each line ends when its token does. The same token is refused from then on, and with a
// fresh one the client goes on where it was.
func TestATokenExpiresWhileConnected(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		expired := refusal{http.StatusUnauthorized, wire.CloseTokenExpired, "token_expired"}
		tokens, lines := make(map[raw.Transport]string), make(map[raw.Transport]*line)
		channel := func(transport raw.Transport) pubsub.Channel { return named(t, "orders-"+transport.String()) }
		// All of them first, so that they expire at the same time.
		for _, transport := range raw.Transports() {
			j := s.journal(t, channel(transport))
			tokens[transport] = s.dying()
			l := s.join(t, transport, raw.Options{Token: tokens[transport], Cursor: j.behind(0), Wait: 55 * time.Second})
			j.follow(t, l, 0)
			s.park(t, l, transport, j.channel)
			lines[transport] = l
		}
		for _, transport := range raw.Transports() {
			t.Run(transport.String(), func(t *testing.T) {
				l, c := lines[transport], channel(transport)
				l.t = t
				if transport == raw.LongPoll {
					// Long before its time is up, the poll is answered.
					e := l.event()
					at, _ := e.Cursor.Find(c)
					if e.Type != raw.Heartbeat || at.Pos != s.end(t, c) {
						t.Fatalf("the held poll was answered with %s and the cursor %v", e.Type, e.Cursor)
					}
				}
				if err := l.ended(); transport >= raw.LongPoll {
					expired.isOf(t, err)
				} else {
					closedWithCode(t, err, expired.close)
				}
				if transport != raw.Poll {
					until(t, "the end is counted", func() bool {
						return s.counts.of(closedWith(transport.String(), int(expired.close))) > 0
					})
				}
				s.refuses(t, transport, raw.Options{Token: tokens[transport], Cursor: l.Cursor()}, expired)
				j := s.journal(t, c)
				j.write(t, 3)
				j.follow(t, s.join(t, transport, raw.Options{Cursor: l.Cursor()}), 0)
			})
		}
	})
}

// A poll that is held when its token expires is answered at once, with nothing.
func TestATokenExpiresWhileAPollIsHeld(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		c := named(t, "orders")
		q := request{
			path:   "/v1/poll?wait=55&channels=" + string(c),
			header: []string{"Authorization: Bearer " + s.dying()},
		}
		r := s.do(t, q) // within less than 55 s
		a, err := wire.ParseAnswer(r.body)
		if r.status != http.StatusOK || err != nil || len(a.Messages)+len(a.Gaps) > 0 {
			t.Fatalf("status %d, %v: %s", r.status, err, r.body)
		}
		if r := s.do(t, q); r.refusal() != "401 token_expired" {
			t.Errorf("the next is refused with %s", r.refusal())
		}
	})
}

func TestARefreshKeepsAWebSocket(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		j := s.journal(t, named(t, "orders"))
		token := s.dying()
		o := raw.Options{Token: token, Channels: []pubsub.Channel{j.channel}}
		refreshed, other := s.join(t, raw.WebSocket, o), s.join(t, raw.WebSocket, o)

		// Another user's token is refused, and the line goes on.
		bob := s.sign(auth.Claims{User: "bob", Capabilities: everything}, time.Hour)
		for ref, refresh := range []struct{ token, code string }{{bob, "forbidden"}, {"garbage", "token_invalid"}, {s.token(), ""}} {
			ref := wire.Ref(fmt.Sprint(ref + 10))
			if err := refreshed.Send(wire.Command{Type: wire.Refresh, Ref: ref, Token: refresh.token}); err != nil {
				t.Fatal(err)
			}
			if e := refreshed.next(); e.Ref != ref || e.Code != refresh.code {
				t.Fatalf("%s %s %q answers the refresh, want %q", e.Type, e.Ref, e.Code, refresh.code)
			}
		}
		if closed := (*raw.CloseError)(nil); !errors.As(other.ended(), &closed) || closed.Code != wire.CloseTokenExpired {
			t.Fatalf("the other line ended with %v", closed)
		}
		j.follow(t, refreshed, 0)
	})
}

// A refresh that grants less takes away what it no longer grants.
func TestARefreshThatGrantsLess(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		kept, lost := s.journal(t, named(t, "kept")), s.journal(t, named(t, "lost"))
		l := s.join(t, raw.WebSocket, raw.Options{Channels: []pubsub.Channel{kept.channel, lost.channel}})
		narrow := s.sign(auth.Claims{User: "ann", Capabilities: map[string]auth.Op{"kept:*": auth.Subscribe}}, time.Hour)
		if err := l.Send(wire.Command{Type: wire.Refresh, Ref: "2", Token: narrow}); err != nil {
			t.Fatal(err)
		}
		if e := l.next(); e.Type != wire.EventOK || e.Ref != "2" {
			t.Fatalf("%s %s answers the refresh", e.Type, e.Code)
		}
		if e := l.next(); e.Type != raw.Unsubscribed || e.Channel != lost.channel || e.Code != "forbidden" {
			t.Fatalf("%s %s %s came", e.Type, e.Channel, e.Code)
		}
		lost.write(t, 1)
		kept.follow(t, l, 0)
	})
}

// A refresh counts whether the new token lasts longer or shorter, and one that is refused
// changes nothing.
func TestARefreshThatEndsSooner(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		j := s.journal(t, named(t, "orders"))
		l := s.join(t, raw.WebSocket, raw.Options{Cursor: j.behind(0)})
		expired := s.sign(auth.Claims{User: "ann", Capabilities: everything}, -time.Minute)
		answered(t, "an expired token", l.ask(wire.Command{Type: wire.Refresh, Ref: "2", Token: expired}), "error token_expired")
		j.follow(t, l, 0)
		answered(t, "a token that expires soon", l.ask(wire.Command{Type: wire.Refresh, Ref: "3", Token: s.dying()}), "ok")
		j.follow(t, l, j.last())
		closedWithCode(t, l.ended(), wire.CloseTokenExpired)
	})
}

// What a refresh took away cannot be had by asking again.
func TestARefreshThatGrantsLessGrantsNoMore(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		c := named(t, "orders")
		l := s.join(t, raw.WebSocket, raw.Options{Channels: []pubsub.Channel{c}})
		narrow := s.sign(auth.Claims{User: "ann", Capabilities: map[string]auth.Op{"orders:*": auth.Subscribe}}, time.Hour)
		none := s.sign(auth.Claims{User: "ann"}, time.Hour)
		publish := wire.Command{Type: wire.Publish, Ref: "2", Channel: c, Event: "x"}
		answered(t, "publish", l.ask(publish), "ok")
		answered(t, "refresh", l.ask(wire.Command{Type: wire.Refresh, Ref: "3", Token: narrow}), "ok")
		answered(t, "publish", l.ask(publish), "error forbidden")
		answered(t, "history", l.ask(wire.Command{Type: wire.History, Ref: "4", Channel: c}), "error forbidden")
		answered(t, "refresh", l.ask(wire.Command{Type: wire.Refresh, Ref: "5", Token: none}), "ok")
		answered(t, "subscribe", l.ask(wire.Command{Type: wire.Subscribe, Ref: "6", Channel: c}), "error forbidden")
	})
}
