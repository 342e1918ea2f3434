package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheckJSON(t *testing.T) {
	for _, tt := range []struct {
		text   string
		offset int // -1: it is taken
	}{
		{`null`, -1},
		{" \t\r\n[1, -0.5e+10, \"\\u00e9\\\\\", {}, [] ] ", -1},
		{`{"a":{"b":[true,false]},"a":1}`, -1},
		{"\"\u2028\ufffd\U0001f600\"", -1},
		{`"\ud800"`, -1}, // a lone surrogate has a grammar, if no meaning
		{`[[[[1]]]]`, -1},
		{`[[[[[1]]]]]`, 4},
		{`{"a":[{"b":[{}]}]}`, 12},
		{``, 0},
		{` `, 1},
		{"\ufeff1", 0},
		{`1 2`, 2},
		{`01`, 1},
		{`-`, 0},
		{`1.`, 2},
		{`1e`, 2},
		{`.5`, 0},
		{`+1`, 0},
		{`NaN`, 0},
		{`nul`, 0},
		{`True`, 0},
		{`'a'`, 0},
		{`"a`, 2},
		{"\"a\nb\"", 2},
		{`"\x"`, 1},
		{`"\u12g4"`, 1},
		{`"\`, 1},
		{"\"\xff\"", 1},
		{"\"\xed\xa0\x80\"", 1}, // a surrogate in UTF-8 (RFC 3629, section 3)
		{"\"\xc0\x80\"", 1},     // overlong
		{`[1,]`, 3},
		{`[1`, 2},
		{`{"a"}`, 4},
		{`{"a":1,}`, 7},
		{`{a:1}`, 1},
		{`{"a":1`, 6},
		{`]`, 0},
	} {
		err := CheckJSON([]byte(tt.text), 4)
		var syntax *SyntaxError
		switch {
		case tt.offset < 0 && err != nil:
			t.Errorf("%q: %v", tt.text, err)
		case tt.offset >= 0 && !errors.As(err, &syntax):
			t.Errorf("%q: %v, want a SyntaxError", tt.text, err)
		case tt.offset >= 0 && syntax.Offset != tt.offset:
			t.Errorf("%q: %v, want byte %d", tt.text, err, tt.offset)
		}
	}
}

func TestAppendCompact(t *testing.T) {
	const src = " { \"n\" : 9007199254740993 ,\n\t\"s\" : \" a \\\" b \" , \"l\" : [ 1.50 , 2E+3 ] } \r\n"
	const want = `{"n":9007199254740993,"s":" a \" b ","l":[1.50,2E+3]}`
	if got, err := AppendCompact([]byte("x"), []byte(src), 4); err != nil || string(got) != "x"+want {
		t.Errorf("appended: %s, %v", got, err)
	}
	buf := []byte(src)
	if got, err := AppendCompact(buf[:0], buf, 4); err != nil || string(got) != want {
		t.Errorf("in place: %s, %v", got, err)
	}
	buf = []byte(want)
	if got, err := AppendCompact(buf[:0], buf, 4); err != nil || string(got) != want {
		t.Errorf("in place, compact already: %s, %v", got, err)
	}
	if _, err := AppendCompact(nil, []byte(`[1`), 4); err == nil {
		t.Error("took what is no JSON")
	}
}

// depthOf is a naive measure of valid JSON.
func depthOf(data []byte) (deepest int) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // a float64 would not hold every number
	for depth := 0; ; {
		token, err := dec.Token()
		if err == io.EOF {
			return deepest
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		deepest = max(deepest, depth)
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,2.5e-3,"\u00e9\ud83d\ude00",null,true]}`, ` [ ] `, `-0`, `"\ud800"`, "\"\xff\"", "\xff",
		strings.Repeat("[", 9) + strings.Repeat("]", 9), `{"a":{},"b":[[{}]]}`, `1 2`, `01`, "\"\u2028\"",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const depth = 8
		want := json.Valid(data) && utf8.Valid(data) && depthOf(data) <= depth
		if got := CheckJSON(data, depth) == nil; got != want {
			t.Fatalf("%q: taken %v, want %v", data, got, want)
		}
		compact, err := AppendCompact(nil, data, depth)
		if (err == nil) != want {
			t.Fatalf("%q: compact: %v", data, err)
		}
		if err != nil {
			return
		}
		var ref bytes.Buffer
		if err := json.Compact(&ref, data); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(compact, ref.Bytes()) {
			t.Fatalf("%q: compact %q, want %q", data, compact, ref.Bytes())
		}
	})
}

func BenchmarkCheckJSON(b *testing.B) {
	data := []byte(`[` + strings.Repeat(`{"id":123456,"name":"a name of some length","tags":["x","y"],"ok":true}, `, 1000) + `0]`)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckJSON(data, MaxDepth); err != nil {
			b.Fatal(err)
		}
	}
}
