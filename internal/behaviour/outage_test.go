package behaviour

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// elsewhere publishes n messages over another instance, which reaches the broker.
func (j *journal) elsewhere(t *testing.T, n int) {
	t.Helper()
	for range n {
		r, err := j.broker.inner.Publish(context.Background(), pubsub.Publication{
			Channel: j.channel, ID: uuid.Must(uuid.NewV7()),
			Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte(strconv.Itoa(len(j.at)))},
		})
		if err != nil {
			t.Fatal(err)
		}
		j.at = append(j.at, r.Message.Pos)
	}
}

// While the broker is away connected clients stay, also polls that are held, and when it is
// back they are given what they missed before anything newer.
func TestTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, transport raw.Transport) {
		s := start(t, setup{})
		j := s.journal(t, named(t, "orders"))
		l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{j.channel}, Wait: 55 * time.Second})
		j.follow(t, l, 0)
		s.settle(t, l, transport, j.channel)

		s.broker.leave(refusing)
		j.elsewhere(t, 5)
		for path, body := range map[string]string{messagesOf(j.channel): "0", "/v1/users/ann/messages": "0"} {
			r := s.backend(t, request{path: path, body: body})
			if r.refusal() != "503 unavailable" || r.header.Get("Retry-After") == "" {
				t.Errorf("publish: %s, Retry-After %q", r.refusal(), r.header.Get("Retry-After"))
			}
		}
		for _, path := range []string{messagesOf(j.channel), "/v1/channels", "/v1/channels/" + string(j.channel)} {
			if r := s.backend(t, request{path: path}); r.refusal() != "503 unavailable" {
				t.Errorf("%s: %s", path, r.refusal())
			}
		}
		if r := s.do(t, request{path: "/readyz"}); r.refusal() != "503 unavailable" {
			t.Errorf("readyz: %s", r.refusal())
		}
		if r := s.do(t, request{path: "/healthz"}); r.status != http.StatusOK {
			t.Errorf("healthz: %s", r.refusal())
		}
		s.refusesNew(t, transport)

		s.broker.comeBack()
		j.follow(t, l, 1)
		if r := s.do(t, request{path: "/readyz"}); r.status != http.StatusOK {
			t.Errorf("readyz: %s", r.refusal())
		}
	})
}

// settle waits until everything that was said is read and, of a long poll, the next is held.
func (s *server) settle(t *testing.T, l *line, transport raw.Transport, c pubsub.Channel) {
	t.Helper()
	if transport == raw.LongPoll {
		if e := l.event(); e.Type != raw.Heartbeat { // the end of the answer
			t.Fatalf("%s came", e.Type)
		}
		until(t, "the next poll is held", func() bool { return s.counts.of("open long-poll") > 0 && s.info(t, c).Subscribers > 0 })
	}
}

// refusesNew checks that a client is not let in that needs the log of a channel.
func (s *server) refusesNew(t *testing.T, transport raw.Transport) {
	t.Helper()
	l, err := s.open(transport, raw.Options{Token: s.token(), Channels: []pubsub.Channel{"orders:never-used"}})
	if transport == raw.WebSocket {
		if err != nil {
			t.Fatal(err)
		}
		defer l.CloseNow()
		for joined := (&line{t: t, Line: l, note: true}); ; {
			e, err := joined.try()
			if closed := (*raw.CloseError)(nil); errors.As(err, &closed) && closed.Code == 4103 {
				return
			}
			if err != nil || e.Type == raw.Subscribed {
				t.Fatalf("a new WebSocket: %s, %v; want 4103", e.Type, err)
			}
		}
	}
	if refused := (*raw.Refused)(nil); !errors.As(err, &refused) || refused.Status != 503 || refused.Code != "unavailable" || refused.RetryAfter == 0 {
		t.Errorf("a new client: %v, want 503 unavailable", err)
	}
}

// A publish whose outcome is unknown is stored once, however often it is repeated.
func TestAnOutcomeIsUnknown(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	j := s.journal(t, named(t, "orders"))
	l := s.join(t, raw.WebSocket, raw.Options{Channels: []pubsub.Channel{j.channel}})
	keyed := request{path: messagesOf(j.channel), body: "1", header: []string{"Idempotency-Key: k"}}

	s.broker.leave(unanswering)
	if r := s.backend(t, keyed); r.refusal() != "503 outcome_unknown" || r.header.Get("Retry-After") == "" {
		t.Errorf("publish: %s, Retry-After %q", r.refusal(), r.header.Get("Retry-After"))
	}
	var answer batchAnswer
	s.backend(t, request{path: "/v1/messages", body: `{"messages":[{"channel":"a","data":1},{"channel":"a","data":2},{"channel":"b","data":3}]}`}).decode(t, &answer)
	for i, code := range []string{"outcome_unknown", "not_tried", "outcome_unknown"} {
		if e := answer.Results[i].Error; e == nil || e.Code != code {
			t.Errorf("item %d of the batch: %+v, want %s", i, e, code)
		}
	}
	s.broker.comeBack()

	r := s.backend(t, keyed)
	var receipt struct{ Duplicate bool }
	r.decode(t, &receipt)
	if r.status != http.StatusOK || !receipt.Duplicate {
		t.Errorf("the repeat: %d %s", r.status, r.body)
	}
	j.at = append(j.at, s.end(t, j.channel))
	j.follow(t, l, 0)
}

// The line to the broker is cut and mended without a word, so that the next message shows
// what is missing: it comes behind that.
func TestTheBrokerWasAwayUnnoticed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, transport raw.Transport) {
		s := start(t, setup{})
		j := s.journal(t, named(t, "orders"))
		l := s.join(t, transport, raw.Options{Cursor: j.behind(0), Wait: 55 * time.Second})
		s.park(t, l, transport, j.channel)
		for range 3 {
			s.broker.leave(refusing)
			j.elsewhere(t, 5)
			s.broker.leave(reachable)
			j.write(t, 1)
			j.follow(t, l, j.last()-6)
		}
	})
}

// When it is known that messages were missed, and the log cannot be read yet, clients that
// wait stay. A poll that comes meanwhile is refused, and goes on later where it was.
func TestTheLogCannotBeRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, transport raw.Transport) {
		s := start(t, setup{})
		j := s.journal(t, named(t, "orders"))
		l := s.join(t, transport, raw.Options{Cursor: j.behind(0), Wait: 55 * time.Second})
		s.park(t, l, transport, j.channel)
		s.broker.leave(refusing)
		j.elsewhere(t, 5)
		s.broker.receiver.Break(j.channel)
		away := refusal{503, wire.CloseUnavailable, "unavailable"}
		for _, since := range []pubsub.Position{{}, j.at[3]} {
			s.refuses(t, transport, raw.Options{Token: s.token(), Cursor: pubsub.Cursor{}.Set(j.channel, since)}, away)
		}
		if transport == raw.Poll {
			away.isOf(t, l.ended())
		}
		s.broker.comeBack()
		if transport == raw.Poll {
			l = s.join(t, transport, raw.Options{Cursor: l.Cursor()})
		}
		j.write(t, 1)
		j.follow(t, l, 0)
	})
}

// Commands of clients are answered as backends are, and a WebSocket lives on.
func TestCommandsWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	for how, code := range map[outage]string{refusing: "unavailable", unanswering: "outcome_unknown"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := start(t, setup{})
			j := s.journal(t, named(t, "orders"))
			l := s.join(t, raw.WebSocket, raw.Options{Cursor: j.behind(0)})
			publish := wire.Command{
				Type: wire.Publish, Ref: "2", Channel: j.channel, Key: "k",
				Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte("1")},
			}
			post := publish
			post.Token = s.token()

			s.broker.leave(how)
			answered(t, "publish", l.ask(publish), "error "+code)
			r, e := s.send(t, post)
			if answered(t, "publish", e, "error "+code); r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
				t.Errorf("publish: status %d, Retry-After %q", r.status, r.header.Get("Retry-After"))
			}
			for _, c := range []wire.Command{
				{Type: wire.History, Ref: "3", Channel: j.channel},
				{Type: wire.Subscribe, Ref: "4", Channel: "orders:never-used"},
			} {
				answered(t, c.Type, l.ask(c), "error unavailable")
			}
			if r := s.backend(t, request{method: http.MethodDelete, path: messagesOf(j.channel)}); r.refusal() != "503 unavailable" {
				t.Errorf("purge: %s", r.refusal())
			}
			s.broker.comeBack()

			// The first that gets through is stored, unless it was before.
			first, again := l.ask(publish), l.ask(publish)
			_, byPost := s.send(t, post)
			if first.Duplicate != (how == unanswering) || !again.Duplicate || !byPost.Duplicate {
				t.Errorf("the repeats were answered with %+v, %+v, %+v", first, again, byPost)
			}
			j.at = append(j.at, first.Pos)
			j.follow(t, l, 0)
			answered(t, "subscribe", l.ask(wire.Command{Type: wire.Subscribe, Ref: "4", Channel: "orders:never-used"}), "subscribed")
		})
	}
}

// Of a batch, what comes behind a failure in its channel is not tried.
func TestABatchWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	for how, code := range map[outage]string{refusing: "unavailable", unanswering: "outcome_unknown"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := start(t, setup{})
			a, b := named(t, "a"), named(t, "b")
			batch := request{path: "/v1/messages", body: fmt.Sprintf(`{"messages":[
				{"channels":[%q,%q],"data":1,"idempotency_key":"1"},
				{"channel":%q,"data":2,"idempotency_key":"2"}]}`, a, b, a)}
			var failed, repeated batchAnswer
			s.broker.leave(how)
			r := s.backend(t, batch)
			r.decode(t, &failed)
			if r.status != http.StatusOK || failed.Failed != 3 || len(failed.Results) != 3 {
				t.Fatalf("status %d: %s", r.status, r.body)
			}
			for i, want := range []string{code, code, "not_tried"} {
				if e := failed.Results[i].Error; e == nil || e.Code != want || e.Status != http.StatusServiceUnavailable {
					t.Errorf("result %d: %+v, want 503 %s", i, e, want)
				}
			}
			s.broker.comeBack()
			s.backend(t, batch).decode(t, &repeated)
			for i, stored := range []bool{how == unanswering, how == unanswering, false} {
				if got := repeated.Results[i]; got.Error != nil || got.Duplicate != stored {
					t.Errorf("result %d of the repeat: %+v", i, got)
				}
			}
			if i, k := s.info(t, a), s.info(t, b); i.Retained != 2 || k.Retained != 1 {
				t.Errorf("%d and %d messages are stored, want 2 and 1", i.Retained, k.Retained)
			}
		})
	}
}
