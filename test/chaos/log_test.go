package chaos

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// readLog notes a channel's log from its beginning to its end, as a backend reads it.
func (r *run) readLog(c pubsub.Channel) {
	r.t.Helper()
	var info struct{ Pos string }
	if err := json.Unmarshal(r.ask("/v1/channels/"+string(c)), &info); err != nil {
		r.t.Fatal(err)
	}
	end, err := pubsub.ParsePosition(info.Pos)
	if err != nil {
		r.t.Fatal(err)
	}
	at := pubsub.Position{Epoch: end.Epoch}
	for begun, more := false, true; more; begun = true {
		body := r.ask(fmt.Sprintf("/v1/channels/%s/messages?since=%s&limit=1000", c, at))
		a, err := wire.ParseAnswer(body)
		if err != nil {
			r.t.Fatalf("the history of %s: %v", c, err)
		}
		if !begun {
			if len(a.Gaps) > 0 && a.Gaps[0].Reason == pubsub.Trimmed {
				at, a.Gaps = a.Gaps[0].To, a.Gaps[1:]
			}
			r.ledger.Begins(c, at)
		}
		for _, g := range a.Gaps {
			if g.Reason != pubsub.Rollback || g.From != at {
				r.t.Errorf("the history of %s has a gap %s from %v to %v behind %v", c, g.Reason, g.From, g.To, at)
			}
			r.ledger.Scar(c, g.To)
		}
		for _, m := range a.Messages {
			r.ledger.Stored(m, contentOf(m.Data))
		}
		next, ok := a.Cursor.Find(c)
		if !ok || next.Pos == at && a.More {
			r.t.Fatalf("the history of %s stands still at %v", c, at)
		}
		at, more = next.Pos, a.More
	}
	if at != end {
		r.t.Errorf("the history of %s ends at %v, and the channel stands at %v", c, at, end)
	}
}

// ask gets something from the API, through the load balancer.
func (r *run) ask(path string) (body []byte) {
	r.t.Helper()
	eventually(r.t, "an answer to "+path, func() bool {
		req, err := http.NewRequest(http.MethodGet, r.balancer.url+path, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+apiKey)
		status, text := do(req)
		body = []byte(text)
		return status == http.StatusOK
	})
	return body
}
