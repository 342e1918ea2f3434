package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
