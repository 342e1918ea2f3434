package behaviour

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// ask sends a command over a WebSocket and waits for its answer. What comes before that is
// given by next.
func (l *line) ask(c wire.Command) raw.Event {
	l.t.Helper()
	if err := l.Send(c); err != nil {
		l.t.Fatal(err)
	}
	for {
		switch e := l.event(); {
		case e.Ref == c.Ref:
			return e
		case e.Type != raw.Heartbeat:
			l.early = append(l.early, e)
		}
	}
}

// send sends a command by POST.
func (s *server) send(t testing.TB, c wire.Command) (reply, raw.Event) {
	t.Helper()
	r := s.do(t, request{
		path: "/v1/send", body: string(wire.AppendCommand(nil, &c)),
		header: []string{"Content-Type: text/plain"},
	})
	e, err := wire.ParseEvent(r.body)
	if err != nil {
		t.Fatalf("status %d, %v: %.300s", r.status, err, r.body)
	}
	return r, e
}

// answered checks what a command was answered with.
func answered(t testing.TB, what string, e raw.Event, want string) {
	t.Helper()
	got := e.Type
	if e.Type == raw.Failed {
		got = "error " + e.Code
	}
	if got != want {
		t.Fatalf("%s was answered with %s (%s), want %s", what, got, e.Detail, want)
	}
}

// Over a WebSocket, by POST and for a backend history says the same, whatever is kept.
func TestHistoryIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		j := s.journal(t, named(t, "few"))
		j.write(t, 6)
		j.at = append(j.at, s.stored(t, s.backend(t, request{
			path: messagesOf(j.channel) + "?event=seen", body: "\x00\xff",
			header: []string{"Content-Type: image/png", "Wsbridge-Meta-Trace: af31"},
		})))
		_, e := s.send(t, wire.Command{Type: wire.Publish, Ref: "1", Token: s.token(), Client: "tab", Channel: j.channel, Event: "left"})
		answered(t, "publish", e, "ok")
		j.at = append(j.at, e.Pos)

		gap := func(reason pubsub.Reason, from pubsub.Position) []pubsub.Gap {
			return []pubsub.Gap{{Channel: j.channel, Reason: reason, From: from, To: j.at[3]}}
		}
		l := s.join(t, raw.WebSocket, raw.Options{})
		for _, q := range []struct {
			name        string
			since       pubsub.Start
			limit       int
			gaps        []pubsub.Gap
			first, last int // messages, of 8 of which 5 are kept
		}{
			{"the newest", pubsub.Start{}, 3, nil, 6, 8},
			{"all that is kept", pubsub.Behind(pubsub.Position{}), 100, nil, 4, 8},
			{"behind a position", pubsub.Behind(j.at[5]), 100, nil, 6, 8},
			{"a page behind a position", pubsub.Behind(j.at[5]), 2, nil, 6, 7},
			{"at the end", pubsub.Behind(j.at[8]), 100, nil, 9, 8},
			{"trimmed", pubsub.Behind(j.at[1]), 100, gap(pubsub.Trimmed, j.at[1]), 4, 8},
			{"of another epoch", pubsub.Behind(elsewhere(j)), 100, gap(pubsub.Replaced, elsewhere(j)), 4, 8},
		} {
			command := wire.Command{Type: wire.History, Ref: "2", Channel: j.channel, Since: q.since, Limit: q.limit}
			socket := l.ask(command)
			command.Token = s.token()
			_, post := s.send(t, command)
			if diff := cmp.Diff(socket, post); diff != "" {
				t.Errorf("%s (-websocket +send):\n%s", q.name, diff)
			}
			query := fmt.Sprintf("?limit=%d", q.limit)
			if q.since.Resume {
				query += "&since=" + q.since.Pos.String()
			}
			rest, err := wire.ParseAnswer(s.backend(t, request{path: messagesOf(j.channel) + query}).body)
			if err != nil {
				t.Fatal(err)
			}
			rest.More = false // only backends are told
			got := wire.Answer{Messages: socket.Messages, Gaps: socket.Gaps, Cursor: socket.Cursor}
			if diff := cmp.Diff(got, rest, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-websocket +backend):\n%s", q.name, diff)
			}
			var came []pubsub.Position
			for _, m := range got.Messages {
				came = append(came, m.Pos)
			}
			if diff := cmp.Diff(j.at[q.first:q.last+1], came, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: other messages came (-want +got):\n%s", q.name, diff)
			}
			if diff := cmp.Diff(q.gaps, got.Gaps, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: the gaps are others (-want +got):\n%s", q.name, diff)
			}
			if diff := cmp.Diff(j.behind(q.last), got.Cursor); diff != "" {
				t.Errorf("%s: the cursor is another (-want +got):\n%s", q.name, diff)
			}
		}
	})
}

// Pages lead back to the oldest message, each once.
func TestHistoryPagesBack(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		j := s.journal(t, named(t, "orders"))
		j.write(t, 25)
		path, n := messagesOf(j.channel)+"?limit=10", j.last()
		for more := true; more; {
			a, err := wire.ParseAnswer(s.backend(t, request{path: path}).body)
			if err != nil || len(a.Messages) == 0 {
				t.Fatalf("%d messages, %v", len(a.Messages), err)
			}
			for i := len(a.Messages) - 1; i >= 0; i-- {
				j.is(t, a.Messages[i], n)
				n--
			}
			more, path = a.More, messagesOf(j.channel)+"?limit=10&before="+a.Messages[0].Pos.String()
		}
		if n != 0 {
			t.Errorf("%d messages did not come", n)
		}
	})
}

func TestCommandsThatAreNotThereYet(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	l := s.join(t, raw.WebSocket, raw.Options{})
	for _, c := range []wire.Command{
		{Type: wire.Presence, Ref: "2", Channel: "orders:42"},
		{Type: wire.RPC, Ref: "3", Method: "sum", Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte("[1,2]")}},
	} {
		answered(t, c.Type, l.ask(c), "error not_supported")
		c.Token = s.token()
		if r, e := s.send(t, c); r.refusal() != "501 not_supported" || e.Ref != c.Ref {
			t.Errorf("%s by POST: %s, ref %s", c.Type, r.refusal(), e.Ref)
		}
	}
}

// An answer carries the number of its command as that wrote it, and none if it had none.
func TestRefs(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	conn := s.dial(t, "token="+s.token())
	for _, ref := range []string{"0", "-1.50e3", "9007199254740993", "18446744073709551616"} {
		conn.say(`{"type":"unsubscribe","ref":` + ref + `,"channel":"a"}`)
		if got, want := string(conn.answer(ref)), `{"type":"ok","ref":`+ref+`}`; got != want {
			t.Errorf("%s came, want %s", got, want)
		}
	}
	conn.say(`{"type":"unsubscribe","channel":"a"}`)
	if frame, err := conn.hear(); err != nil || string(frame) != `{"type":"ok"}` {
		t.Errorf("%s came, %v", frame, err)
	}
}

// In the midst of messages, none comes behind the ok of unsubscribe, and whoever subscribes
// again where it was is given them all.
func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		c := named(t, "orders")
		at := s.end(t, c)
		p := s.publishAtPace(t, c, time.Millisecond)
		l := s.join(t, raw.WebSocket, raw.Options{})
		for range 30 {
			answered(t, "subscribe", l.ask(wire.Command{Type: wire.Subscribe, Ref: "2", Channel: c, Since: pubsub.Behind(at)}), "subscribed")
			// The line checks that nothing is missing behind since.
			at = l.message().Pos
			answered(t, "unsubscribe", l.ask(wire.Command{Type: wire.Unsubscribe, Ref: "3", Channel: c}), "ok")
			for len(l.early) > 0 {
				at = l.message().Pos
			}
			more := p.published() + 5
			until(t, "more is published", func() bool { return p.published() > more })
			answered(t, "unsubscribing again", l.ask(wire.Command{Type: wire.Unsubscribe, Ref: "4", Channel: c}), "ok")
			if n := len(l.early); n > 0 {
				t.Fatalf("behind the ok of unsubscribe came %d messages", n)
			}
		}
	})
}

// A client publishes over a WebSocket, in a text frame or a binary one, and by POST. A key
// is its user's on either way, and subscribers see who it was.
func TestClientsPublish(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			c := named(t, "chat")
			l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{c}})
			socket := s.join(t, raw.WebSocket, raw.Options{ClientID: "tab-1"})
			ways := []func(wire.Command) raw.Event{socket.ask, func(p wire.Command) raw.Event {
				p.Token, p.Client = s.token(), "tab-1"
				_, e := s.send(t, p)
				return e
			}}
			for i, data := range []pubsub.Data{
				{Kind: pubsub.JSON, Bytes: []byte(`{"n":9007199254740993}`)},
				{Kind: pubsub.Binary, Bytes: []byte("\x00\xff\n")},
				{Kind: pubsub.NoData},
			} {
				for k, publish := range ways {
					p := wire.Command{
						Type: wire.Publish, Ref: "2", Channel: c, Event: "said", Data: data,
						Meta: map[string]string{"lang": "de"}, Key: fmt.Sprintf("%d-%d", i, k),
					}
					stored := publish(p)
					answered(t, "publish", stored, "ok")
					m := l.message()
					want := pubsub.Message{
						Channel: c, ID: m.ID, Pos: stored.Pos, Event: "said", Data: data, Time: m.Time,
						From: &pubsub.Sender{User: "ann", Client: "tab-1"}, Meta: p.Meta,
					}
					if diff := cmp.Diff(want, *m); diff != "" {
						t.Errorf("the message came otherwise (-want +got):\n%s", diff)
					}
					if stored.ID != m.ID.String() || stored.Duplicate {
						t.Errorf("message %v was answered with %+v", m.ID, stored)
					}
					for _, repeat := range ways {
						if e := repeat(p); !e.Duplicate || e.ID != stored.ID || e.Pos != stored.Pos {
							t.Errorf("the repeat was answered with %+v", e)
						}
					}
				}
			}
			if n := s.info(t, c).Retained; n != 6 {
				t.Errorf("%d messages were stored, want 6", n)
			}
		})
	})
}

// A user may subscribe to its own channel and read it, whatever its token says, and nobody
// else may.
func TestPersonalChannels(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		greedy := s.sign(auth.Claims{User: "bob", Capabilities: map[string]auth.Op{"*": auth.AllOps}}, time.Hour)
		each(t, func(t *testing.T, transport raw.Transport) {
			user := "ann+" + transport.String() + "@example.com"
			own := pubsub.Channel("user:ann=2B" + transport.String() + "=40example.com")
			token := s.sign(auth.Claims{User: user}, time.Hour)
			l := s.join(t, transport, raw.Options{Token: token, Channels: []pubsub.Channel{own}})
			for n := range 3 {
				pos := s.stored(t, s.backend(t, request{path: "/v1/users/" + user + "/messages", body: "1"}))
				if m := l.message(); m.Pos != pos || m.Channel != own {
					t.Fatalf("the %d. message came as %v of %s", n+1, m.Pos, m.Channel)
				}
			}
			_, e := s.send(t, wire.Command{Type: wire.History, Ref: "1", Token: token, Channel: own})
			if answered(t, "history", e, "ok"); len(e.Messages) != 3 {
				t.Errorf("the history has %d messages", len(e.Messages))
			}
			_, e = s.send(t, wire.Command{Type: wire.Publish, Ref: "1", Token: token, Channel: own, Event: "x"})
			answered(t, "publish to the own channel", e, "error forbidden")
			s.refuses(t, transport, raw.Options{Token: greedy, Channels: []pubsub.Channel{own}}, refusal{403, wire.CloseForbidden, "forbidden"})
		})
	})
}

// Without a token a client may do what its namespace allows to everyone.
func TestAnonymousClients(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			j := s.journal(t, named(t, "open"))
			opened, err := s.open(transport, raw.Options{Cursor: j.behind(0)})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { opened.CloseNow() })
			l := &line{t: t, Line: opened, note: true}
			if e := l.event(); e.Type != raw.Welcome || e.User != "" {
				t.Fatalf("%s came (%s), user %q", e.Type, e.Code, e.User)
			}
			if transport == raw.WebSocket {
				answered(t, "connect", l.next(), "subscribed")
			}
			j.follow(t, l, 0)
			_, e := s.send(t, wire.Command{Type: wire.History, Ref: "1", Channel: j.channel})
			if answered(t, "history", e, "ok"); len(e.Messages) != 1 {
				t.Errorf("the history has %d messages", len(e.Messages))
			}
			_, e = s.send(t, wire.Command{Type: wire.Publish, Ref: "1", Channel: j.channel, Event: "x"})
			answered(t, "publish", e, "error unauthorized")
			// One channel that is not open refuses all.
			s.refuses(t, transport, raw.Options{Channels: []pubsub.Channel{j.channel, "orders:42"}}, refusal{401, wire.CloseUnauthorized, "unauthorized"})
			// What is open to everyone is open to those whose token says nothing of it.
			token := s.sign(auth.Claims{User: "bob"}, time.Hour)
			j.follow(t, s.join(t, transport, raw.Options{Token: token, Cursor: j.behind(0)}), 0)
		})
	})
}

// A WebSocket has 1,000 channels at most, and every other client 100.
func TestManyChannels(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			most := 100
			if transport == raw.WebSocket {
				most = 1000
			}
			channels := make([]pubsub.Channel, most+1)
			for i := range channels {
				channels[i] = named(t, fmt.Sprintf("n%d", i))
			}
			s.refuses(t, transport, raw.Options{Token: s.token(), Channels: channels}, refusal{400, 0, "too_many_channels"})
			l := s.join(t, transport, raw.Options{Channels: channels[:most]})
			for _, c := range []pubsub.Channel{channels[0], channels[most-1]} {
				pos := s.publish(t, c, "1")
				if m := l.message(); m.Channel != c || m.Pos != pos {
					t.Fatalf("%v of %s came, want %v of %s", m.Pos, m.Channel, pos, c)
				}
			}
			if transport != raw.WebSocket {
				return
			}
			one := wire.Command{Type: wire.Subscribe, Ref: "2", Channel: channels[most]}
			answered(t, "one too many", l.ask(one), "error limit")
			answered(t, "unsubscribe", l.ask(wire.Command{Type: wire.Unsubscribe, Ref: "3", Channel: channels[0]}), "ok")
			answered(t, "one in the place of another", l.ask(one), "subscribed")
		})
	})
}
