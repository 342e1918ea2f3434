package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
