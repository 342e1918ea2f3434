package api

import (
	"sync"
	"testing"

	"github.com/google/uuid"
)

func TestIdempotencyKeys(t *testing.T) {
	s := newSite(t, nil)
	publish := func(channel, event, body string) reply {
		return s.do(call{method: "POST", path: "/v1/channels/" + channel + "/messages?event=" + event, header: []string{"Content-Type: application/json", "Idempotency-Key: k"}, body: body})
	}
	const repeats = 40
	replies := make([]reply, repeats)
	var wg sync.WaitGroup
	for i := range repeats {
		wg.Go(func() { replies[i] = publish("a", "e", "1") })
	}
	wg.Wait()
	ids, created := make(map[uuid.UUID]bool), 0
	for _, got := range replies {
		var p published
		got.into(t, &p)
		id, err := uuid.Parse(p.ID)
		if err != nil || p.Duplicate != (got.status == 200) {
			t.Errorf("%d %s", got.status, got.body)
		}
		ids[id] = true
		if got.status == 201 {
			created++
		}
	}
	if len(ids) != 1 || created != 1 || s.retained("a") != 1 {
		t.Errorf("%d ids, %d times 201, %d messages stored", len(ids), created, s.retained("a"))
	}
	for _, got := range []reply{publish("a", "e", "2"), publish("a", "f", "1")} {
		if got.status != 422 || got.code() != "key_reused" {
			t.Errorf("other content: %d %s", got.status, got.body)
		}
	}
	if got := publish("b", "e", "2"); got.status != 201 {
		t.Errorf("the key on another channel: %d %s", got.status, got.body)
	}
}

func TestUnquoteHeader(t *testing.T) {
	for in, want := range map[string]string{
		`abc`: `abc`, `"abc"`: `abc`, `"a\"b\\c"`: `a"b\c`, `"`: `"`, `""`: ``, `"a`: `"a`, `a"`: `a"`, `"\"`: `\`,
	} {
		if got := unquoteHeader(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
