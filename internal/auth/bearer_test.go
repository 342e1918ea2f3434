package auth

import (
	"net/http"
	"testing"
)

func TestBearer(t *testing.T) {
	for _, test := range []struct {
		values []string
		token  string
		shown  bool
	}{
		{nil, "", false},
		{[]string{"Bearer abc.def"}, "abc.def", true},
		{[]string{"bearer abc"}, "abc", true},
		{[]string{"BEARER   abc "}, "abc", true},
		{[]string{"Bearer"}, "", true},
		{[]string{"Bearer "}, "", true},
		{[]string{""}, "", false},
		{[]string{"Basic abc"}, "", false},
		{[]string{"Bearerabc"}, "", false},
		{[]string{"Bearer abc", "Bearer def"}, "", true},
	} {
		h := http.Header{}
		for _, v := range test.values {
			h.Add("authorization", v)
		}
		if token, shown := Bearer(h); token != test.token || shown != test.shown {
			t.Errorf("%q: %q, %v; want %q, %v", test.values, token, shown, test.token, test.shown)
		}
	}
}
