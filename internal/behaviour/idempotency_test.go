package behaviour

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/pubsub"
)

func TestRepeatsPublishOnce(t *testing.T) {
	t.Parallel()
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
			// The same content, however it is spaced.
			if replies[i], err = s.try(keyed(strings.Repeat(" ", i) + `{"n":1}`)); err != nil {
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
	l := s.join(t, client.SSE, client.Options{Cursor: j.behind(0)})
	if m := l.message(); m.Pos != j.at[1] || m.Pos.Offset != 1 {
		t.Errorf("message %v came, the end is %v", m.Pos, j.at[1])
	}
	j.follow(t, l, 1)
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
	l := s.join(t, client.HTTPStream, client.Options{Cursor: pubsub.Cursor{}.Set(c, before)})
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
}
