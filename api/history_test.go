package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A past is what history answers, as far as it is the same in each run.
type past struct {
	Messages []struct {
		ID, Pos, Time string
		Data          any
	}
	Gaps []struct {
		Channel, Reason, From, To string
	}
	Cursor string
	More   bool
}

func (s *site) history(query string) past {
	s.t.Helper()
	got := s.do(call{method: "GET", path: "/v1/channels/a/messages" + query})
	if got.status != 200 {
		s.t.Fatalf("%s: %d %s", query, got.status, got.body)
	}
	var p past
	got.into(s.t, &p)
	return p
}

func (p past) data() string {
	var texts []string
	for _, m := range p.Messages {
		texts = append(texts, fmt.Sprint(m.Data))
	}
	return strings.Join(texts, " ")
}

func TestHistory(t *testing.T) {
	s := newSite(t, nil)
	empty := s.history("")
	if len(empty.Messages) != 0 || len(empty.Gaps) != 0 || empty.More || !strings.HasPrefix(empty.Cursor, "a@") {
		t.Errorf("nothing published: %+v", empty)
	}
	pos := []string{strings.TrimPrefix(empty.Cursor, "a@")} // pos[i] is the position of message i
	for i := 1; i <= 150; i++ {
		pos = append(pos, s.publish("a", fmt.Sprint(i)).Pos)
	}
	run := func(from, to int) string {
		var texts []string
		for i := from; i <= to; i++ {
			texts = append(texts, fmt.Sprint(i))
		}
		return strings.Join(texts, " ")
	}
	for _, tt := range []struct {
		query  string
		want   string
		cursor string
		more   bool
	}{
		{"", run(51, 150), pos[150], true},
		{"?limit=3", run(148, 150), pos[150], true},
		{"?limit=1000", run(1, 150), pos[150], false},
		{"?since=0&limit=2", run(1, 2), pos[2], true},
		{"?since=" + pos[0], run(1, 100), pos[100], true},
		{"?since=" + pos[100], run(101, 150), pos[150], false},
		{"?since=" + pos[150], "", pos[150], false},
		{"?limit=10&before=" + pos[51], run(41, 50), pos[50], true},
		{"?before=" + pos[3], run(1, 2), pos[2], false},
		{"?before=" + pos[1], "", pos[0], false},
		{"?before=" + pos[0], "", pos[0], false},
	} {
		got := s.history(tt.query)
		if got.data() != tt.want || got.Cursor != "a@"+tt.cursor || got.More != tt.more || len(got.Gaps) != 0 {
			t.Errorf("%s: %s, cursor %s, more %t, gaps %v\nwant %s, cursor a@%s, more %t", tt.query, got.data(), got.Cursor, got.More, got.Gaps, tt.want, tt.cursor, tt.more)
		}
	}

	// Back and forth through the whole log, each page leading to the next.
	var back []string
	for query := "?limit=40"; ; {
		page := s.history(query)
		back = append([]string{page.data()}, back...)
		if !page.More {
			break
		}
		query = "?limit=40&before=" + page.Messages[0].Pos
	}
	if got := strings.Join(back, " "); got != run(1, 150) {
		t.Errorf("backwards: %s", got)
	}
}

func TestHistoryGaps(t *testing.T) {
	s := newSite(t, nil)
	first := s.publish("a", "1")
	s.do(call{method: "DELETE", path: "/v1/channels/a/messages"})
	second := s.publish("a", "2")
	for _, query := range []string{"?since=", "?before="} {
		got := s.history(query + first.Pos)
		if len(got.Gaps) != 1 || got.Gaps[0].Reason != "purged" || got.Gaps[0].Channel != "a" || got.Gaps[0].From != first.Pos {
			t.Errorf("%s: gaps %+v", query, got.Gaps)
		}
	}
	if got := s.history("?since=" + first.Pos); got.data() != "2" || got.Cursor != "a@"+second.Pos {
		t.Errorf("behind the gap: %s, cursor %s", got.data(), got.Cursor)
	}
}

func TestHistoryEndsAtBytes(t *testing.T) {
	s := newSite(t, nil)
	const each = 200 << 10
	for range 60 {
		s.publish("a", `"`+strings.Repeat("x", each)+`"`)
	}
	kept := s.retained("a")
	got := s.history("?since=0&limit=1000")
	if n := len(got.Messages); n == 0 || n > historyBytes/each || n > kept {
		t.Errorf("%d messages of %d", n, kept)
	}
}

func TestHistoryRefuses(t *testing.T) {
	s := newSite(t, nil)
	s.publish("a", "1")
	for _, tt := range []struct {
		path   string
		code   string
		detail string
	}{
		{"/v1/channels/a%20b/messages", "bad_channel", "allowed are"},
		{"/v1/channels/a/messages?since=5", "bad_position", "since"},
		{"/v1/channels/a/messages?since=", "bad_position", "since"},
		{"/v1/channels/a/messages?before=x-y-z", "bad_position", "before"},
		{"/v1/channels/a/messages?before=0", "bad_position", "before"},
		{"/v1/channels/a/messages?since=0&before=e-1-00000000", "bad_request", "exclude"},
		{"/v1/channels/a/messages?limit=0", "bad_request", "limit"},
		{"/v1/channels/a/messages?limit=1001", "bad_request", "1000"},
		{"/v1/channels/a/messages?limit=ten", "bad_request", "limit"},
		{"/v1/channels/a/messages?limit=1&limit=2", "bad_request", "limit"},
		{"/v1/channels/a/messages?from=0", "bad_request", "since, before, limit"},
	} {
		got := s.do(call{method: "GET", path: tt.path})
		if got.status != 400 || got.code() != tt.code || !strings.Contains(got.detail(), tt.detail) {
			t.Errorf("%s: %d %s", tt.path, got.status, got.body)
		}
	}
}

func TestPurge(t *testing.T) {
	s := newSite(t, nil)
	before := s.publish("a", "1")
	got := s.do(call{method: "DELETE", path: "/v1/channels/a/messages"})
	var answer struct{ Channel, Pos string }
	got.into(t, &answer)
	if got.status != 200 || answer.Channel != "a" || answer.Pos == "" || answer.Pos == before.Pos || s.retained("a") != 0 {
		t.Errorf("%d %s, %d messages left", got.status, got.body, s.retained("a"))
	}
	if now := s.history(""); now.Cursor != "a@"+answer.Pos {
		t.Errorf("the log stands at %s, the answer says %s", now.Cursor, answer.Pos)
	}
	for path, code := range map[string]string{"/v1/channels/a%20b/messages": "bad_channel", "/v1/channels/a/messages?all=1": "bad_request"} {
		if got := s.do(call{method: "DELETE", path: path}); got.status != 400 || got.code() != code {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestChannels(t *testing.T) {
	s := newSite(t, nil)
	for _, name := range []string{"b:1", "a:1", "a:2", "a:10", "c"} {
		s.publish(name, "1")
	}
	list := func(query string) (names, next string) {
		t.Helper()
		got := s.do(call{method: "GET", path: "/v1/channels" + query})
		if got.status != 200 {
			t.Fatalf("%s: %d %s", query, got.status, got.body)
		}
		var page struct {
			Channels []struct {
				Channel, Pos          string
				Subscribers, Retained int
			}
			Next string
		}
		got.into(t, &page)
		var list []string
		for _, c := range page.Channels {
			if c.Pos == "" || c.Retained != 1 || c.Subscribers != 0 {
				t.Errorf("%s: %+v", query, c)
			}
			list = append(list, c.Channel)
		}
		return strings.Join(list, " "), page.Next
	}
	for _, tt := range [][3]string{
		{"", "a:1 a:10 a:2 b:1 c", ""},
		{"?limit=2", "a:1 a:10", "a:10"},
		{"?limit=2&after=a:10", "a:2 b:1", "b:1"},
		{"?limit=2&after=b:1", "c", ""},
		{"?limit=5", "a:1 a:10 a:2 b:1 c", ""},
		{"?prefix=a:", "a:1 a:10 a:2", ""},
		{"?prefix=a:1&limit=1", "a:1", "a:1"},
		{"?prefix=.", "", ""},
	} {
		names, next := list(tt[0])
		if diff := cmp.Diff([]string{tt[1], tt[2]}, []string{names, next}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt[0], diff)
		}
	}
	if got := s.do(call{method: "GET", path: "/v1/channels?prefix=nobody"}); got.body != `{"channels":[],"next":""}`+"\n" {
		t.Errorf("no channels: %s", got.body)
	}
	for path, code := range map[string]string{
		"/v1/channels?prefix=a%20b":          "bad_channel",
		"/v1/channels?after=%3Aa":            "bad_channel",
		"/v1/channels?limit=-1":              "bad_request",
		"/v1/channels?match=a":               "bad_request",
		"/v1/channels/a%20b":                 "bad_channel",
		"/v1/channels/a?verbose=1":           "bad_request",
		"/v1/channels/a?secret%20token=hide": "bad_request",
	} {
		got := s.do(call{method: "GET", path: path})
		if got.status != 400 || got.code() != code || strings.Contains(got.body, "hide") {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestOneChannel(t *testing.T) {
	s := newSite(t, nil)
	p := s.publish("orders:42", "1")
	got := s.do(call{method: "GET", path: "/v1/channels/orders:42"})
	if want := fmt.Sprintf(`{"channel":"orders:42","pos":%q,"subscribers":0,"retained":1}`+"\n", p.Pos); got.body != want {
		t.Errorf("%s, want %s", got.body, want)
	}
	got = s.do(call{method: "GET", path: "/v1/channels/nobody"})
	var info struct {
		Pos      string
		Retained int
	}
	got.into(t, &info)
	if got.status != 200 || info.Pos == "" || info.Pos == "0" || info.Retained != 0 {
		t.Errorf("a channel that nobody used: %d %s", got.status, got.body)
	}
}
