package api

import (
	"fmt"
	"strings"
	"testing"
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
