package websocket

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTokens(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  []string
		ok    bool
	}{
		{nil, nil, true},
		{[]string{"a"}, []string{"a"}, true},
		{[]string{"a, b", " c\t,d "}, []string{"a", "b", "c", "d"}, true},
		{[]string{",a,,b,"}, []string{"a", "b"}, true},
		{[]string{"a b"}, nil, false},
		{[]string{`"a"`}, nil, false},
		{[]string{"a", "b/c"}, nil, false},
		{[]string{"ä"}, nil, false},
	} {
		got, ok := tokens(http.Header{"X": c.lines}, "X")
		if ok != c.ok || !cmp.Equal(got, c.want) {
			t.Errorf("%q: %q, %v", c.lines, got, ok)
		}
	}
}

func TestHasToken(t *testing.T) {
	for value, want := range map[string]bool{
		"upgrade": true, "Upgrade": true, "keep-alive, UPGRADE": true, "h2c/1, upgrade": true,
		"": false, "upgrades": false, "up grade": false, "upgrade/1": false,
	} {
		if got := hasToken(http.Header{"X": {"other", value}}, "X", "upgrade"); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

func TestExtensions(t *testing.T) {
	for _, c := range []struct {
		lines string // separated by |
		want  string
	}{
		{"", ""},
		{"foo", "foo"},
		{"foo, bar;a;b=1", "foo, bar; a; b=1"},
		{" foo ; a = 1 , , bar|baz", "foo; a=1, bar, baz"},
		{`foo; a="1"`, "foo; a=1"},
		{`foo; a="\1\5"`, "foo; a=15"},
		{`foo; a="1`, "malformed"},
		{`foo; a="1,2"`, "malformed"},
		{`foo; a=""`, "malformed"},
		{"foo; a=", "malformed"},
		{"foo;", "malformed"},
		{"foo; =1", "malformed"},
		{"foo bar", "malformed"},
		{"foo/1", "malformed"},
		{strings.Repeat("a,", 64), strings.TrimSuffix(strings.Repeat("a, ", 64), ", ")},
		{strings.Repeat("a,", 65), "malformed"},
		{"a" + strings.Repeat(";b", 65), "malformed"},
	} {
		got, ok := extensions(http.Header{headerExtensions: strings.Split(c.lines, "|")})
		if text := showExtensions(got, ok); text != c.want {
			t.Errorf("%.40q: %s, want %s", c.lines, text, c.want)
		}
	}
}

func showExtensions(list []extension, ok bool) string {
	if !ok {
		return "malformed"
	}
	var all []string
	for _, e := range list {
		s := e.name
		for _, p := range e.params {
			s += "; " + p.name
			if p.hasValue {
				s += "=" + p.value
			}
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

// FuzzExtensions wants what was understood, written again in the plain form, to be understood the same.
func FuzzExtensions(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits, x", `y; z="1"`)
	f.Add(`a;b="\"`, ",,")
	f.Fuzz(func(t *testing.T, first, second string) {
		list, ok := extensions(http.Header{headerExtensions: {first, second}})
		if !ok {
			return
		}
		for _, e := range list {
			for _, p := range e.params {
				if !isToken(e.name) || !isToken(p.name) || p.hasValue && !isToken(p.value) {
					t.Fatalf("%q, %q: not a token in %v", first, second, list)
				}
			}
		}
		plain := showExtensions(list, true)
		again, ok := extensions(http.Header{headerExtensions: {plain}})
		if got := showExtensions(again, ok); got != plain {
			t.Fatalf("%q became %q", plain, got)
		}
	})
}

// FuzzTokens compares with splitting at commas.
func FuzzTokens(f *testing.F) {
	f.Add("a, b", "c")
	f.Fuzz(func(t *testing.T, first, second string) {
		got, ok := tokens(http.Header{"X": {first, second}}, "X")
		if !ok {
			return
		}
		var want []string
		for _, s := range strings.Split(first+","+second, ",") {
			if s = strings.Trim(s, " \t"); s != "" {
				want = append(want, s)
			}
		}
		if !cmp.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	})
}
