package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/pubsub"
)

const structured = "Content-Type: application/cloudevents+json"

func TestCloudEvents(t *testing.T) {
	s := newSite(t, nil)
	attributes := `"specversion":"1.0","id":"1","source":"/shop","type":"order.paid"`
	binary := []string{"ce-specversion: 1.0", "ce-id: 1", "ce-source: /shop", "ce-type: order.paid"}
	version := map[string]string{"ce-specversion": "1.0"}
	with := func(more ...string) map[string]string {
		meta := map[string]string{"ce-specversion": "1.0"}
		for i := 0; i < len(more); i += 2 {
			meta[more[i]] = more[i+1]
		}
		return meta
	}
	for i, tt := range []struct {
		name   string
		query  string
		header []string
		body   string
		want   sent
	}{
		{"structured json", "", []string{structured}, `{` + attributes + `,"data":{"n": 9007199254740993}}`, sent{"order.paid", pubsub.JSON, `{"n":9007199254740993}`, version}},
		{"structured json, said so", "", []string{structured + "; charset=utf-8"}, `{` + attributes + `,"datacontenttype":"application/json","data":[ 1 ]}`, sent{"order.paid", pubsub.JSON, `[1]`, version}},
		{"structured null", "", []string{structured}, `{` + attributes + `,"data":null}`, sent{"order.paid", pubsub.JSON, `null`, version}},
		{"structured text", "", []string{structured}, `{` + attributes + `,"datacontenttype":"text/plain","data":"hi"}`, sent{"order.paid", pubsub.JSON, `"hi"`, version}},
		{"structured xml", "", []string{structured}, `{` + attributes + `,"datacontenttype":"text/xml","data":"<a/>"}`, sent{"order.paid", pubsub.JSON, `"<a/>"`, with("content-type", "text/xml")}},
		{"structured bytes", "", []string{structured}, `{` + attributes + `,"data_base64":"AP8="}`, sent{"order.paid", pubsub.Binary, "\x00\xff", version}},
		{"structured picture", "", []string{structured}, `{` + attributes + `,"datacontenttype":"image/png","data_base64":"AP8="}`, sent{"order.paid", pubsub.Binary, "\x00\xff", with("content-type", "image/png")}},
		{"structured json in base64", "", []string{structured}, `{` + attributes + `,"datacontenttype":"application/json","data_base64":"eyJhIjogMX0="}`, sent{"order.paid", pubsub.JSON, `{"a":1}`, version}},
		{"structured without data", "", []string{structured}, `{` + attributes + `}`, sent{"order.paid", pubsub.NoData, "", version}},
		{"structured, other attributes", "", []string{structured}, `{` + attributes + `,"subject":"42","time":"2026-05-01T10:00:00.5Z","dataschema":null,"partition":-7,"urgent":true,"data":1}`,
			sent{"order.paid", pubsub.JSON, `1`, with("ce-subject", "42", "ce-time", "2026-05-01T10:00:00.5Z", "ce-partition", "-7", "ce-urgent", "true")}},
		{"structured, overruled", "?event=paid", []string{structured, "Wsbridge-Meta-A: b"}, `{` + attributes + `,"data":1}`, sent{"paid", pubsub.JSON, `1`, with("a", "b")}},

		{"binary json", "", append([]string{"Content-Type: application/json"}, binary...), `{ "a": 1 }`, sent{"order.paid", pubsub.JSON, `{"a":1}`, version}},
		{"binary text", "", append([]string{"Content-Type: text/plain"}, binary...), `hi`, sent{"order.paid", pubsub.JSON, `"hi"`, version}},
		{"binary picture", "", append([]string{"Content-Type: image/png"}, binary...), "\x00\xff", sent{"order.paid", pubsub.Binary, "\x00\xff", with("content-type", "image/png")}},
		{"binary without data", "", binary, "", sent{"order.paid", pubsub.NoData, "", version}},
		{"binary, other attributes", "", append([]string{"Content-Type: application/json", "ce-subject: Euro%20%E2%82%AC 100%", `ce-note: "say \"hi\""`}, binary...), `1`,
			sent{"order.paid", pubsub.JSON, `1`, with("ce-subject", "Euro%20%E2%82%AC 100%", "ce-note", `say "hi"`)}},
		{"binary, encoded", "", append([]string{"Content-Type: application/json", "ce-subject: Euro%20%E2%82%AC"}, binary...), `1`, sent{"order.paid", pubsub.JSON, `1`, with("ce-subject", "Euro €")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			channel := fmt.Sprintf("events:%d", i) // a channel each, since all have one id
			got := s.do(call{method: "POST", path: "/v1/channels/" + channel + "/messages" + tt.query, header: tt.header, body: tt.body})
			if got.status != 201 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if diff := cmp.Diff(tt.want, s.lastSent(channel)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCloudEventsRefused(t *testing.T) {
	s := newSite(t, nil)
	event := func(members string) string {
		return `{"specversion":"1.0","id":"1","source":"/shop","type":"t"` + members + `}`
	}
	for _, tt := range []struct {
		name   string
		header []string
		body   string
		status int
		code   string
		detail string
	}{
		{"no json", []string{structured}, `{`, 400, "bad_json", "byte 1"},
		{"no object", []string{structured}, `[]`, 400, "bad_request", "object"},
		{"not utf-8", []string{structured}, event(",\"subject\":\"\xff\""), 400, "bad_json", "UTF-8"},
		{"data too deep", []string{structured}, event(`,"data":` + strings.Repeat("[", 65) + strings.Repeat("]", 65)), 400, "bad_json", "deep"},
		{"another charset", []string{structured + "; charset=utf-16"}, event(""), 415, "unsupported_media_type", "utf-16"},
		{"no specversion", []string{structured}, `{"id":"1","source":"/shop","type":"t"}`, 400, "bad_request", "specversion"},
		{"old specversion", []string{structured}, `{"specversion":"0.3","id":"1","source":"/shop","type":"t"}`, 400, "bad_request", "0.3"},
		{"no id", []string{structured}, `{"specversion":"1.0","source":"/shop","type":"t"}`, 400, "bad_request", "lacks the attribute id"},
		{"empty source", []string{structured}, `{"specversion":"1.0","id":"1","source":"","type":"t"}`, 400, "bad_request", "lacks the attribute source"},
		{"null type", []string{structured}, `{"specversion":"1.0","id":"1","source":"/shop","type":null}`, 400, "bad_request", "lacks the attribute type"},
		{"id a number", []string{structured}, `{"specversion":"1.0","id":1,"source":"/shop","type":"t"}`, 400, "bad_request", "id"},
		{"id twice", []string{structured}, event(`,"id":"2"`), 400, "bad_request", "twice"},
		{"attribute an object", []string{structured}, event(`,"extra":{}`), 400, "bad_request", "extra"},
		{"attribute a fraction", []string{structured}, event(`,"extra":1.5`), 400, "bad_request", "extra"},
		{"attribute too large", []string{structured}, event(`,"extra":2147483648`), 400, "bad_request", "extra"},
		{"attribute in capitals", []string{structured}, event(`,"Extra":"x"`), 400, "bad_request", "Extra"},
		{"no time", []string{structured}, event(`,"time":"yesterday"`), 400, "bad_request", "yesterday"},
		{"both kinds of data", []string{structured}, event(`,"data":1,"data_base64":""`), 400, "bad_request", "exclude"},
		{"no base64", []string{structured}, event(`,"data_base64":"?"`), 400, "bad_request", "base64"},
		{"no base64 text", []string{structured}, event(`,"data_base64":5`), 400, "bad_request", "data_base64"},
		{"no datacontenttype", []string{structured}, event(`,"datacontenttype":"json","data":1`), 400, "bad_request", "datacontenttype"},
		{"bad json in base64", []string{structured}, event(`,"datacontenttype":"application/json","data_base64":"ew=="`), 400, "bad_json", "byte 1"},
		{"hundreds of attributes", []string{structured}, event(many(200)), 400, "bad_request", "100"},
		{"type too long", []string{structured}, `{"specversion":"1.0","id":"1","source":"/shop","type":"` + strings.Repeat("t", 201) + `"}`, 400, "bad_message", "200"},

		{"binary without id", []string{"Content-Type: application/json", "ce-specversion: 1.0", "ce-source: s", "ce-type: t"}, `1`, 400, "bad_request", "lacks the attribute id"},
		{"binary without specversion", []string{"Content-Type: application/json", "ce-id: 1", "ce-source: s", "ce-type: t"}, `1`, 400, "bad_request", "specversion"},
		{"binary with two ids", []string{"Content-Type: application/json", "ce-specversion: 1.0", "ce-id: 1", "ce-id: 2", "ce-source: s", "ce-type: t"}, `1`, 400, "bad_request", "ce-id"},
		{"binary with a data attribute", []string{"Content-Type: application/json", "ce-specversion: 1.0", "ce-id: 1", "ce-source: s", "ce-type: t", "ce-data: x"}, `1`, 400, "bad_request", "data"},
		{"binary not utf-8", []string{"Content-Type: application/json", "ce-specversion: 1.0", "ce-id: 1", "ce-source: s", "ce-type: t", "ce-subject: %FF"}, `1`, 400, "bad_request", "subject"},
		{"binary, bytes without type", []string{"ce-specversion: 1.0", "ce-id: 1", "ce-source: s", "ce-type: t"}, `1`, 415, "unsupported_media_type", "Content-Type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := s.do(call{method: "POST", path: "/v1/channels/a/messages", header: tt.header, body: tt.body})
			if got.status != tt.status || got.code() != tt.code || !strings.Contains(got.detail(), tt.detail) {
				t.Errorf("%d %s, want %d %s with %q", got.status, got.body, tt.status, tt.code, tt.detail)
			}
		})
	}
	if n := s.retained("a"); n != 0 {
		t.Errorf("%d messages were stored", n)
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"x%d":"y"`, i)
	}
	return b.String()
}

func TestCloudEventsPublishOnce(t *testing.T) {
	s := newSite(t, nil)
	publish := func(source, id, data string, header ...string) reply {
		return s.do(call{method: "POST", path: "/v1/channels/a/messages", header: append([]string{structured}, header...),
			body: fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":%q,"type":"t","data":%s}`, id, source, data)})
	}
	long := strings.Repeat("ü", 2000)
	for _, tt := range []struct {
		got    reply
		status int
	}{
		{publish("a", "bc", "1"), 201},
		{publish("a", "bc", "1"), 200},
		{publish("ab", "c", "1"), 201},
		{publish("a", long, "1"), 201},
		{publish("a", long, "1"), 200},
		{publish("a", "bc", "2"), 422},
		{publish("a", "bc", "2", "Idempotency-Key: other"), 201},
	} {
		if tt.got.status != tt.status {
			t.Errorf("%d %s, want %d", tt.got.status, tt.got.body, tt.status)
		}
	}
	// In binary mode it is the same event.
	got := s.do(call{method: "POST", path: "/v1/channels/a/messages", header: []string{"Content-Type: application/json", "ce-specversion: 1.0", "ce-id: bc", "ce-source: a", "ce-type: t"}, body: "1"})
	if got.status != 200 {
		t.Errorf("the event in binary mode: %d %s", got.status, got.body)
	}
}

func TestCloudEventLimit(t *testing.T) {
	s := newSite(t, func(o *Options) { o.MaxMessage = 1000 })
	event := func(member, data string) string {
		return `{"specversion":"1.0","id":"1","source":"/shop","type":"t","` + member + `":"` + data + `"}`
	}
	for i, tt := range []struct {
		body   string
		status int
	}{
		{event("data", strings.Repeat("x", 998)), 201},
		{event("data", strings.Repeat("x", 999)), 413},
		{event("data_base64", strings.Repeat("AAAA", 333)+"AA=="), 201},
		{event("data_base64", strings.Repeat("AAAA", 334)), 413},
		{event("data", strings.Repeat("x", 100_000)), 413},
	} {
		got := s.do(call{method: "POST", path: fmt.Sprintf("/v1/channels/c%d/messages", i), header: []string{structured}, body: tt.body})
		if got.status != tt.status || tt.status == 413 && got.code() != "too_large" {
			t.Errorf("body of %d bytes: %d %s, want %d", len(tt.body), got.status, got.body, tt.status)
		}
	}
}
