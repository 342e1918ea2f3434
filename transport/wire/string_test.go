package wire

import (
	"encoding/json"
	"testing"
)

func TestAppendString(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", `""`},
		{`a"b\c/d`, `"a\"b\\c/d"`},
		{"\n\r\t\x00\x1f\x7f", `"\n\r\t\u0000\u001f` + "\x7f\""},
		{"<é&€\U0001f600>", "\"<é&€\U0001f600>\""},
		{"\u2028", "\"\u2028\""},
		{"a\xff\xc3", "\"a\ufffd\ufffd\""},
		{"\ufffd", "\"\ufffd\""},
	} {
		if got := string(AppendString([]byte("x"), tt.in)); got != "x"+tt.want {
			t.Errorf("%q: %s, want x%s", tt.in, got, tt.want)
		}
	}
}

func TestUnquote(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`""`, ""},
		{`"plain é"`, "plain é"},
		{`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, "\"\\/\b\f\n\r\té\U0001f600"},
		{`"\ud800x"`, "\ufffdx"},
	} {
		if got := Unquote([]byte(tt.in)); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a\"\\\n\x00", "\xff\xfe", "\u2028é\U0001f600", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := AppendString(nil, s)
		if err := CheckJSON(quoted, 0); err != nil {
			t.Fatalf("%q: %q: %v", s, quoted, err)
		}
		ref, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		if err := json.Unmarshal(ref, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(quoted, &got); err != nil {
			t.Fatal(err)
		}
		if got != want || Unquote(quoted) != want {
			t.Fatalf("%q: %q stands for %q, want %q", s, quoted, got, want)
		}
	})
}
