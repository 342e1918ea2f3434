package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/pubsub"
)

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
	if diff := cmp.Diff(map[string]int{"stored": 5, "duplicate": 1, "key_reused": 1}, s.results); diff != "" {
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

func TestBatchItemsFailAlone(t *testing.T) {
	s := newSite(t, nil)
	items := []struct{ item, channel, code string }{
		{`{"channel":"ok","data":1}`, "ok", "stored"},
		{`5`, "", "bad_request"},
		{`{}`, "", "bad_request"},
		{`{"data":1}`, "", "bad_request"},
		{`{"channel":5,"data":1}`, "", "bad_request"},
		{`{"channel":"a","channels":["b"],"data":1}`, "", "bad_request"},
		{`{"channels":[],"data":1}`, "", "bad_request"},
		{`{"channels":"a","data":1}`, "", "bad_request"},
		{`{"channels":["a",null],"data":1}`, "", "bad_request"},
		{`{"channel":"a b","data":1}`, "a b", "bad_channel"},
		{`{"channel":"a","date":1}`, "", "bad_request"},
		{`{"channel":"a","data":1,"data":2}`, "", "bad_request"},
		{`{"channel":"a","data":1,"data_base64":""}`, "a", "bad_request"},
		{`{"channel":"a","data_base64":"?"}`, "a", "bad_request"},
		{`{"channel":"a","data":1,"event":5}`, "a", "bad_request"},
		{`{"channel":"a","data":1,"meta":{"k":5}}`, "a", "bad_request"},
		{`{"channel":"a","data":1,"meta":{"k":null}}`, "a", "bad_request"},
		{`{"channel":"a","data":1,"meta":{"k":"` + strings.Repeat("v", 70_000) + `"}}`, "a", "bad_request"},
		{`{"channel":"a","data":1,"meta":{"k":"` + strings.Repeat("v", 5000) + `"}}`, "a", "bad_message"},
		{`{"channel":"a","data":1,"idempotency_key":""}`, "a", "bad_message"},
		{`{"channel":"a"}`, "a", "bad_message"},
		{`{"channel":"a","data":"` + strings.Repeat("x", 256<<10-2) + `"}`, "a", "stored"},
		{`{"channel":"a","data":"` + strings.Repeat("x", 256<<10-1) + `"}`, "a", "too_large"},
		{`{"channel":"a","data_base64":"` + strings.Repeat("AAAA", 87382) + `"}`, "a", "too_large"},
		{`{"channel":"a","data":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + `}`, "", "bad_json"},
		{"{\"channel\":\"a\",\"data\":\"\xff\"}", "", "bad_json"},
		{`{"channel":"ok","data":2}`, "ok", "stored"},
	}
	var texts []string
	var want []outcome
	for i, it := range items {
		texts = append(texts, it.item)
		want = append(want, outcome{i, it.channel, it.code})
	}
	_, outcomes := s.batch(`{"messages":[` + strings.Join(texts, ",") + `]}`)
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, outcomes = s.batch(`{"messages":[{"channels":["x","a b","x","y"],"data":1}]}`)
	want = []outcome{{0, "x", "stored"}, {0, "a b", "bad_channel"}, {0, "x", "bad_request"}, {0, "y", "stored"}}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Errorf("one item, several channels (-want +got):\n%s", diff)
	}
}

func TestBatchRefusedWhole(t *testing.T) {
	s := newSite(t, nil)
	asJSON := "Content-Type: application/json"
	good := `{"channel":"a","data":1}`
	for _, tt := range []struct {
		name   string
		query  string
		header string
		body   string
		status int
		code   string
	}{
		{"no type", "", "", "{}", 415, "unsupported_media_type"},
		{"text", "", "Content-Type: text/plain", "{}", 415, "unsupported_media_type"},
		{"batch of events", "", "Content-Type: application/cloudevents-batch+json", "[]", 415, "unsupported_media_type"},
		{"utf-16", "", asJSON + "; charset=utf-16", "{}", 415, "unsupported_media_type"},
		{"broken type", "", "Content-Type: ;", "{}", 415, "unsupported_media_type"},
		{"unknown parameter", "?event=x", asJSON, `{"messages":[]}`, 400, "bad_request"},
		{"unknown durability", "?durability=x", asJSON, `{"messages":[]}`, 400, "bad_request"},
		{"nothing", "", asJSON, ``, 400, "bad_json"},
		{"list", "", asJSON, `[]`, 400, "bad_request"},
		{"no messages", "", asJSON, `{}`, 400, "bad_request"},
		{"messages no list", "", asJSON, `{"messages":{}}`, 400, "bad_request"},
		{"messages null", "", asJSON, `{"messages":null}`, 400, "bad_request"},
		{"messages twice", "", asJSON, `{"messages":[],"messages":[]}`, 400, "bad_request"},
		{"unknown field", "", asJSON, `{"messages":[` + good + `],"mesages":[]}`, 400, "bad_request"},
		{"cut within an item", "", asJSON, `{"messages":[` + good + `,{"channel":`, 400, "bad_json"},
		{"cut behind an item", "", asJSON, `{"messages":[` + good, 400, "bad_json"},
		{"cut behind the list", "", asJSON, `{"messages":[` + good + `]`, 400, "bad_json"},
		{"cut within a name", "", asJSON, `{"mess`, 400, "bad_json"},
		{"broken item", "", asJSON, `{"messages":[` + good + `,{"channel" "a"}]}`, 400, "bad_json"},
		{"comma too much", "", asJSON, `{"messages":[` + good + `,]}`, 400, "bad_json"},
		{"more behind it", "", asJSON, `{"messages":[` + good + `]} {}`, 400, "bad_json"},
		{"rubbish behind it", "", asJSON, `{"messages":[` + good + `]} x`, 400, "bad_json"},
		{"bomb", "", asJSON, `{"messages":[` + strings.Repeat("[", 200_000), 400, "bad_json"},
		{"1,001 items", "", asJSON, `{"messages":[` + strings.Repeat(good+",", 1000) + good + `]}`, 400, "too_many_messages"},
		{"10,001 publications", "", asJSON, `{"messages":[` + good + `,{"channels":[` + names(10_000) + `],"data":1}]}`, 400, "too_many_messages"},
		{"a million channels", "", asJSON, `{"messages":[{"channels":[` + names(1_000_000) + `],"data":1}]}`, 400, "too_many_messages"},
		{"17 MiB", "", asJSON, `{"messages":[` + strings.Repeat(" ", 17<<20) + `]}`, 413, "too_large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := s.do(call{method: "POST", path: "/v1/messages" + tt.query, header: []string{tt.header}, body: tt.body})
			if got.status != tt.status || got.code() != tt.code {
				t.Errorf("%d %s, want %d %s", got.status, got.body, tt.status, tt.code)
			}
		})
	}
	got := s.do(call{method: "POST", path: "/v1/messages", header: []string{asJSON}, reader: strings.NewReader(strings.Repeat(" ", 16<<20+1))})
	if got.status != 413 {
		t.Errorf("one byte too many, chunked: %d %s", got.status, got.body)
	}
	if n := s.retained("a"); n != 0 {
		t.Errorf("%d messages were stored", n)
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
