package behaviour

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func TestRepeatsPublishOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		j := s.journal(t, named(t, "orders"))
		keyed := func(body string) request {
			return request{path: messagesOf(j.channel), body: body, header: []string{
				"Authorization: Bearer " + apiKey, "Content-Type: application/json", "Idempotency-Key: once",
			}}
		}
		const repeats = 40
		var replies [repeats]reply
		var wg sync.WaitGroup
		for i := range repeats {
			wg.Go(func() {
				var err error
				at := []*server{s, s.desk()}[i%2]
				// The same content, however it is spaced.
				if replies[i], err = at.try(keyed(strings.Repeat(" ", i) + `{"n":1}`)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()

		created, first := 0, ""
		for _, r := range replies {
			var receipt struct {
				ID, Pos   string
				Duplicate bool
			}
			r.decode(t, &receipt)
			switch {
			case r.status == http.StatusCreated && !receipt.Duplicate:
				created++
			case r.status != http.StatusOK || !receipt.Duplicate:
				t.Errorf("a repeat was answered with %d %s", r.status, r.body)
			}
			if answer := receipt.ID + " " + receipt.Pos; first == "" {
				first = answer
			} else if answer != first {
				t.Errorf("one answer is %q, another %q", first, answer)
			}
		}
		if created != 1 {
			t.Errorf("%d were stored, want 1", created)
		}
		for _, other := range []request{keyed(`{"n":2}`), keyed(`"{\"n\":1}"`)} {
			if r := s.do(t, other); r.refusal() != "422 key_reused" {
				t.Errorf("another body: %s", r.refusal())
			}
		}
		event := keyed(`{"n":1}`)
		event.path += "?event=e"
		if r := s.do(t, event); r.refusal() != "422 key_reused" {
			t.Errorf("another event: %s", r.refusal())
		}

		// Whoever reads finds one message.
		j.at = append(j.at, s.end(t, j.channel))
		l := s.join(t, raw.SSE, raw.Options{Cursor: j.behind(0)})
		if m := l.message(); m.Pos != j.at[1] || m.Pos.Offset != 1 {
			t.Errorf("message %v came, the end is %v", m.Pos, j.at[1])
		}
		j.follow(t, l, 1)
	})
}

// A batchAnswer is the answer to a batch.
type batchAnswer struct {
	Results []struct {
		Index     int
		Channel   string
		ID, Pos   string
		Duplicate bool
		Error     *struct {
			Status int
			Code   string
		}
	}
	Failed int
}

func TestABatchIsAnsweredOneByOne(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		c := named(t, "orders")
		batch := func(n int) request {
			items := make([]string, n)
			for i := range items {
				items[i] = fmt.Sprintf(`{"channel":%q,"data":%d}`, c, i+1)
				if i == 500 {
					items[i] = `{"channel":"not a name","data":1}`
				}
			}
			return request{path: "/v1/messages", body: `{"messages":[` + strings.Join(items, ",") + `]}`}
		}
		if r := s.backend(t, batch(1001)); r.refusal() != "400 too_many_messages" {
			t.Errorf("1,001 items: %s", r.refusal())
		}
		before := s.end(t, c)
		if before.Offset != 0 {
			t.Fatalf("a batch that was refused published %d messages", before.Offset)
		}
		r := s.backend(t, batch(1000))
		var answer batchAnswer
		r.decode(t, &answer)
		if r.status != http.StatusOK || len(answer.Results) != 1000 || answer.Failed != 1 {
			t.Fatalf("status %d, %d results, %d failed", r.status, len(answer.Results), answer.Failed)
		}
		l := s.join(t, raw.HTTPStream, raw.Options{Cursor: pubsub.Cursor{}.Set(c, before)})
		for i, result := range answer.Results {
			switch {
			case result.Index != i:
				t.Fatalf("result %d has index %d", i, result.Index)
			case i == 500 && (result.Error == nil || result.Error.Code != "bad_channel"):
				t.Fatalf("the bad item: %+v", result)
			case i == 500:
				continue
			case result.Error != nil:
				t.Fatalf("result %d: %+v", i, result.Error)
			}
			m := l.message()
			if m.ID.String() != result.ID || m.Pos.String() != result.Pos || string(m.Data.Bytes) != fmt.Sprint(i+1) {
				t.Fatalf("result %d is %s at %s, message %v at %v with %s came", i, result.ID, result.Pos, m.ID, m.Pos, m.Data.Bytes)
			}
		}
	})
}

// The same key of a backend and of two users is three keys. A user's is one, whichever way
// and under whatever name of the client it comes, and so is a backend's, alone or in a batch.
func TestKeysAreApart(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		c := named(t, "orders")
		alone := request{path: messagesOf(c), body: "1", header: []string{"Idempotency-Key: once"}}
		batch := request{path: "/v1/messages", body: fmt.Sprintf(`{"messages":[{"channel":%q,"data":1,"idempotency_key":"once"}]}`, c)}
		at := s.stored(t, s.backend(t, alone))
		var answer batchAnswer
		s.backend(t, batch).decode(t, &answer)
		if r := answer.Results[0]; r.Error != nil || !r.Duplicate || r.Pos != at.String() {
			t.Errorf("the repeat in a batch: %+v, want that at %v", r, at)
		}
		publish := wire.Command{
			Type: wire.Publish, Ref: "2", Channel: c, Key: "once",
			Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte("1")},
		}
		for i, user := range []string{"ann", "bob"} {
			token := s.sign(auth.Claims{User: user, Capabilities: everything}, time.Hour)
			l := s.join(t, raw.WebSocket, raw.Options{Token: token, ClientID: "tab-1"})
			first := l.ask(publish)
			if first.Type != wire.EventOK || first.Duplicate || first.Pos.Offset != uint64(2+i) {
				t.Fatalf("%s: %+v", user, first)
			}
			post := publish
			post.Token, post.Client = token, "tab-2"
			if _, e := s.send(t, post); !e.Duplicate || e.Pos != first.Pos {
				t.Errorf("the repeat of %s by POST: %+v, want that at %v", user, e, first.Pos)
			}
			post.Data.Bytes = []byte("2")
			if r, _ := s.send(t, post); r.refusal() != "422 key_reused" {
				t.Errorf("another body of %s: %s", user, r.refusal())
			}
		}
		if n := s.end(t, c).Offset; n != 3 {
			t.Errorf("%d messages are stored, want 3", n)
		}
		// Another channel's keys are others.
		if pos := s.stored(t, s.backend(t, request{path: messagesOf(named(t, "news")), body: "2", header: alone.header})); pos.Offset != 1 {
			t.Errorf("in another channel it is stored at %v", pos)
		}
	})
}

// Clients that repeat at once store one message as well, and a purge forgets no key.
func TestRepeatsOfClients(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		j := s.journal(t, named(t, "orders"))
		publish := wire.Command{
			Type: wire.Publish, Ref: "2", Channel: j.channel, Key: "once",
			Data: pubsub.Data{Kind: pubsub.Binary, Bytes: []byte{0, 0xff}},
		}
		lines := make([]*line, 20)
		for i := range lines {
			lines[i] = s.join(t, raw.WebSocket, raw.Options{Cursor: j.behind(0)})
		}
		for _, l := range lines {
			if err := l.Send(publish); err != nil {
				t.Fatal(err)
			}
		}
		stored := 0
		for _, l := range lines {
			var answer raw.Event
			var came []*pubsub.Message
			for answer.Ref == "" || len(came) == 0 {
				if e := l.next(); e.Message != nil {
					came = append(came, e.Message)
				} else {
					answer = e
				}
			}
			answered(t, "publish", answer, "ok")
			if !answer.Duplicate {
				stored++
			}
			if m := came[0]; m.Pos != answer.Pos || m.ID.String() != answer.ID || m.Pos.Offset != 1 {
				t.Errorf("message %v came, the answer says %v", m.Pos, answer.Pos)
			}
		}
		if n := s.end(t, j.channel).Offset; stored != 1 || n != 1 {
			t.Errorf("%d were answered as new, %d are stored, want 1", stored, n)
		}
		s.purge(t, j.channel)
		if e := s.join(t, raw.WebSocket, raw.Options{}).ask(publish); !e.Duplicate {
			t.Errorf("behind a purge the repeat was answered with %+v", e)
		}
		if n := s.end(t, j.channel).Offset; n != 0 {
			t.Errorf("behind a purge %d messages are stored", n)
		}
	})
}
