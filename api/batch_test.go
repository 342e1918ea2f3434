package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestBatchWhileTheBrokerIsAway(t *testing.T) {
	s := newSite(t, nil)
	body := `{"messages":[{"channels":["a","b"],"data":1},{"channel":"a b","data":1},{"channel":"a","data":2}]}`
	for _, tt := range []struct {
		err  error
		code string
	}{{pubsub.ErrUnavailable, "unavailable"}, {pubsub.ErrOutcomeUnknown, "outcome_unknown"}, {errUnexpected, "internal"}} {
		s.broker.fail(tt.err)
		_, outcomes := s.batch(body)
		want := []outcome{{0, "a", tt.code}, {0, "b", tt.code}, {1, "a b", "bad_channel"}, {2, "a", "not_tried"}}
		if len(outcomes) != len(want) {
			t.Fatalf("%+v", outcomes)
		}
		for i := range want {
			if outcomes[i] != want[i] {
				t.Errorf("%v, result %d: %+v, want %+v", tt.err, i, outcomes[i], want[i])
			}
		}
	}
}

// An outcome is a result of a batch without what changes from run to run.
type outcome struct {
	Index   int
	Channel string
	Result  string // "stored", "duplicate" or the code
}

func (s *site) batch(body string) (reply, []outcome) {
	s.t.Helper()
	got := s.do(call{method: "POST", path: "/v1/messages", header: []string{"Content-Type: application/json"}, body: body})
	if got.status != 200 {
		return got, nil
	}
	var answer struct {
		Results []struct {
			Index     int
			Channel   string
			ID, Pos   string
			Duplicate *bool
			Error     *struct {
				Code   string
				Status int
			}
		}
		Failed int
	}
	got.into(s.t, &answer)
	var outcomes []outcome
	failed := 0
	for _, r := range answer.Results {
		o := outcome{r.Index, r.Channel, ""}
		switch {
		case r.Error != nil && r.ID == "" && r.Pos == "" && r.Duplicate == nil && r.Error.Status >= 400:
			o.Result = r.Error.Code
			failed++
		case r.Error == nil && r.ID != "" && r.Pos != "" && r.Duplicate != nil:
			o.Result = map[bool]string{false: "stored", true: "duplicate"}[*r.Duplicate]
		default:
			s.t.Errorf("a result is neither receipt nor problem: %+v", r)
		}
		outcomes = append(outcomes, o)
	}
	if failed != answer.Failed {
		s.t.Errorf("failed is %d, %d results have an error", answer.Failed, failed)
	}
	return got, outcomes
}

func TestBatch(t *testing.T) {
	s := newSite(t, nil)
	got, outcomes := s.batch(`{"messages": [
		{"channel":"a","data":{"n": 9007199254740993},"event":"e","meta":{"k":"v"},"idempotency_key":"k"},
		{"channels":["a","b"],"data_base64":"AP8="},
		{"channel":"a","data":null},
		{"channel":"a","event":"alone","data_base64":null,"meta":null,"idempotency_key":null},
		{"channel":"a","data":{"n":9007199254740993},"event":"e","meta":{"k":"v"},"idempotency_key":"k"},
		{"channel":"a","data":2,"event":"e","idempotency_key":"k"}
	]}`)
	want := []outcome{
		{0, "a", "stored"}, {1, "a", "stored"}, {1, "b", "stored"}, {2, "a", "stored"}, {3, "a", "stored"},
		{4, "a", "duplicate"}, {5, "a", "key_reused"},
	}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Errorf("%s (-want +got):\n%s", got.body, diff)
	}
	page, err := s.bridge.Read(t.Context(), "a", pubsub.Position{}, pubsub.Limit{Messages: 10})
	if err != nil {
		t.Fatal(err)
	}
	var stored []sent
	for _, m := range page.Messages {
		stored = append(stored, sent{m.Event, m.Data.Kind, string(m.Data.Bytes), m.Meta})
	}
	wantStored := []sent{
		{"e", pubsub.JSON, `{"n":9007199254740993}`, map[string]string{"k": "v"}},
		{"", pubsub.Binary, "\x00\xff", nil},
		{"", pubsub.JSON, "null", nil},
		{"alone", pubsub.NoData, "", nil},
	}
	if diff := cmp.Diff(wantStored, stored); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"stored": 5, "duplicate": 1, "key_reused": 1}, s.counted()); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
	first := fmt.Sprintf(`{"results":[{"index":0,"channel":"a","id":%q,"pos":%q,"duplicate":false},`, page.Messages[0].ID, page.Messages[0].Pos)
	if !strings.HasPrefix(got.body, first) {
		t.Errorf("%s\ndoes not begin with\n%s", got.body, first)
	}
}

func TestBatchOfNothing(t *testing.T) {
	s := newSite(t, nil)
	if got, _ := s.batch(`{"messages":[]}`); got.status != 200 || got.body != `{"results":[],"failed":0}`+"\n" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func names(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"c%d",`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func TestBatchOfTheLargestSize(t *testing.T) {
	s := newSite(t, nil)
	var items []string
	for i := range 1000 {
		items = append(items, fmt.Sprintf(`{"channels":[%s],"data":%d}`, names(10), i))
	}
	_, outcomes := s.batch(`{"messages":[` + strings.Join(items, ",") + `]}`)
	if len(outcomes) != 10_000 {
		t.Fatalf("%d results", len(outcomes))
	}
	for i, o := range outcomes {
		if want := (outcome{i / 10, fmt.Sprintf("c%d", i%10), "stored"}); o != want {
			t.Fatalf("result %d: %+v, want %+v", i, o, want)
		}
	}
	page, err := s.bridge.Read(t.Context(), "c3", pubsub.Position{}, pubsub.Limit{Messages: 1000})
	if err != nil || len(page.Messages) != 1000 {
		t.Fatalf("%d messages, %v", len(page.Messages), err)
	}
	for i, m := range page.Messages {
		if got, _ := json.Marshal(i); string(m.Data.Bytes) != string(got) {
			t.Fatalf("message %d is %s", i, m.Data.Bytes)
		}
	}
}
