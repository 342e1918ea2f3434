package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		src  Sources
		want string
	}{
		{Sources{}, "no keys: set WSBRIDGE_API_KEYS (backends publish with one) and WSBRIDGE_TOKEN_KEYS (clients' tokens are signed with one; at least 32 bytes each), or try it without keys: wsbridge serve --dev"},
		{Sources{Dev: true}, ""},
		{Sources{Environ: []string{"WSBRIDGE_API_KEYS=a"}}, ""},
		{Sources{Environ: []string{"WSBRIDGE_TOKEN_KEYS=" + tokenKey}}, ""},
	} {
		got := ""
		if err := load(t, test.src).Validate(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("got %s\nwant %s", got, test.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, test := range []struct {
		src  Sources
		want []string
	}{
		{Sources{Environ: []string{"WSBRIDGE_API_KEYS=0123456789abcdef,short", "WSBRIDGE_TOKEN_KEYS=" + tokenKey, "WSBRIDGE_ALLOWED_ORIGINS=https://a.com,*"}},
			[]string{"API key 2 has 5 bytes; use at least 16, for example from: openssl rand -hex 32", "allowed-origins has *: pages of every site may connect"}},
		{Sources{Environ: []string{"WSBRIDGE_API_KEYS=0123456789abcdef"}}, []string{"no token keys: clients may do only what namespaces allow to anonymous ones"}},
		{Sources{Environ: []string{"WSBRIDGE_TOKEN_KEYS=" + tokenKey}}, []string{"no API keys: no backend can publish"}},
		{Sources{Dev: true}, nil},
		{Sources{Dev: true, Flags: map[string]string{"redis-url": "redis://h", "memory": "1GiB"}}, []string{"memory bounds the embedded broker, and redis-url is set"}},
		{Sources{Dev: true, Flags: map[string]string{"addr": ":80"}}, []string{"--dev on :80: whoever reaches it may do everything"}},
	} {
		if diff := cmp.Diff(test.want, load(t, test.src).Warnings()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTable(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range Settings() {
		if seen[s.Name] || s.Name != strings.ToLower(s.Name) || strings.HasSuffix(s.Name, fileFlag) || s.Help == "" || s.Placeholder == "" {
			t.Errorf("%s: the line is not in order", s.Name)
		}
		seen[s.Name] = true
		if s.Flag() != s.Name || s.Env() != "WSBRIDGE_"+strings.ToUpper(s.Key()) || s.Key() != strings.ReplaceAll(s.Name, "-", "_") {
			t.Errorf("%s: it is called %s, %s, %s", s.Name, s.Flag(), s.Env(), s.Key())
		}
		if s.Default != "" {
			if got := s.field(load(t, Sources{})).text(); got != s.Default {
				t.Errorf("%s: the default %s is shown as %s", s.Name, s.Default, got)
			}
		}
	}
}
