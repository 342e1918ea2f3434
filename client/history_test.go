package client

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		s.publish("open:a", 1, 30, 0)
		for name, c := range map[string]*Client{
			"a backend": s.backend(),
			"a client":  s.client("origin", Options{Token: FixedToken(s.token(time.Hour))}),
		} {
			newest, err := c.History(t.Context(), "open:a", Range{Limit: 10})
			if err != nil || len(newest.Messages) != 10 || newest.Messages[0].Pos.Offset != 21 || newest.Pos.Offset != 30 {
				t.Errorf("%s, the newest: %+v, %v", name, newest, err)
			}
			behind, err := c.History(t.Context(), "open:a", Range{Since: pubsub.Behind(newest.Messages[7].Pos)})
			if err != nil || len(behind.Messages) != 2 || string(behind.Messages[1].Data.Bytes) != "30" || len(behind.Gaps) != 0 {
				t.Errorf("%s, behind a position: %+v, %v", name, behind, err)
			}
			lost, err := c.History(t.Context(), "open:a", Range{Since: pubsub.Behind(pubsub.Position{Epoch: "lost", Offset: 3}), Limit: 5})
			if err != nil || len(lost.Messages) != 5 || len(lost.Gaps) != 1 || lost.Pos.Offset != 5 {
				t.Errorf("%s, behind one of another log: %+v, %v", name, lost, err)
			}
			if _, err := c.History(t.Context(), "not a channel", Range{}); err == nil {
				t.Errorf("%s: a bad channel was asked for", name)
			}
			page := newest
			for want := 11; want > 0; want -= 10 {
				if page, err = c.History(t.Context(), "open:a", Range{Before: page.Messages[0].Pos, Limit: 10}); err != nil {
					t.Fatalf("%s, backwards: %v", name, err)
				}
				if got := page.Messages[0].Pos.Offset; len(page.Messages) != 10 || got != uint64(want) {
					t.Errorf("%s: a page of %d messages begins at %d, not %d", name, len(page.Messages), got, want)
				}
			}
		}
	})
}

func TestPublishTakesEveryKindOfData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		for name, c := range map[string]*Client{"a backend": s.backend(), "a client": s.client("origin", Options{})} {
			for _, tt := range []struct {
				data any
				kind pubsub.Kind
				want string
			}{
				{nil, pubsub.NoData, ""},
				{[]byte{0, 0xff}, pubsub.Binary, "\x00\xff"},
				{[]byte{}, pubsub.Binary, ""},
				{json.RawMessage(`{"n": 9007199254740993}`), pubsub.JSON, `{"n":9007199254740993}`},
				{json.RawMessage("null"), pubsub.JSON, "null"},
				{"<b>\u2028", pubsub.JSON, `"<b>\u2028"`},
				{map[string]int{"a": 1}, pubsub.JSON, `{"a":1}`},
			} {
				r, err := c.Publish(t.Context(), "open:a", Publication{Event: "e", Data: tt.data})
				if err != nil {
					t.Errorf("%s, %v: %v", name, tt.data, err)
					continue
				}
				page, err := c.History(t.Context(), "open:a", Range{Limit: 1})
				if err != nil || page.Pos != r.Pos || page.Messages[0].ID.String() != r.ID {
					t.Errorf("%s, %v: stored %+v, read %+v, %v", name, tt.data, r, page, err)
				}
				if got := page.Messages[0].Data; got.Kind != tt.kind || string(got.Bytes) != tt.want {
					t.Errorf("%s, %v: became %v %q", name, tt.data, got.Kind, got.Bytes)
				}
			}
			if _, err := c.Publish(t.Context(), "open:a", Publication{Data: make(chan int)}); err == nil {
				t.Errorf("%s: a channel was published", name)
			}
			one, err := c.Publish(t.Context(), "open:a", Publication{Event: "once", Key: "k"})
			two, err2 := c.Publish(t.Context(), "open:a", Publication{Event: "once", Key: "k"})
			if err != nil || err2 != nil || one.Duplicate || !two.Duplicate || two.Pos != one.Pos {
				t.Errorf("%s: %+v, %v, then %+v, %v", name, one, err, two, err2)
			}
			if _, err := c.Publish(t.Context(), "open:a", Publication{Event: "other", Key: "k"}); codeOf(err) != "key_reused" {
				t.Errorf("%s, a key for something else: %v", name, err)
			}
		}
	})
}
