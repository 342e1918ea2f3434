package behaviour

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/pubsub"
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
	each(t, func(t *testing.T, transport client.Transport) {
		s := start(t, setup{})
		j := s.journal(t, named(t, "orders"))
		l := s.join(t, transport, client.Options{Channels: []pubsub.Channel{j.channel}, Wait: 55 * time.Second})
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
func (s *server) settle(t *testing.T, l *line, transport client.Transport, c pubsub.Channel) {
	t.Helper()
	if transport == client.LongPoll {
		if e := l.event(); e.Type != client.Heartbeat { // the end of the answer
			t.Fatalf("%s came", e.Type)
		}
		until(t, "the next poll is held", func() bool { return s.counts.of("open long-poll") > 0 && s.info(t, c).Subscribers > 0 })
	}
}

// refusesNew checks that a client is not let in that needs the log of a channel.
func (s *server) refusesNew(t *testing.T, transport client.Transport) {
	t.Helper()
	l, err := s.open(transport, client.Options{Token: s.token(), Channels: []pubsub.Channel{"orders:never-used"}})
	if transport == client.WebSocket {
		if err != nil {
			t.Fatal(err)
		}
		defer l.CloseNow()
		for joined := (&line{t: t, Line: l}); ; {
			e, err := joined.try()
			if closed := (*client.CloseError)(nil); errors.As(err, &closed) && closed.Code == 4103 {
				return
			}
			if err != nil || e.Type == client.Subscribed {
				t.Fatalf("a new WebSocket: %s, %v; want 4103", e.Type, err)
			}
		}
	}
	if refused := (*client.Refused)(nil); !errors.As(err, &refused) || refused.Status != 503 || refused.Code != "unavailable" || refused.RetryAfter == 0 {
		t.Errorf("a new client: %v, want 503 unavailable", err)
	}
}

// A publish whose outcome is unknown is stored once, however often it is repeated.
func TestAnOutcomeIsUnknown(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	j := s.journal(t, named(t, "orders"))
	l := s.join(t, client.WebSocket, client.Options{Channels: []pubsub.Channel{j.channel}})
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
