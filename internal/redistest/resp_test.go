package redistest

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadReply(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"+OK\r\n", []string{"OK"}},
		{"-ERR no\r\n", []string{"ERR no"}},
		{":-12\r\n", []string{"-12"}},
		{"$4\r\na\r\nb\r\n", []string{"a\r\nb"}},
		{"$0\r\n\r\n", []string{""}},
		{"$-1\r\n", []string{""}},
		{"*-1\r\n", nil},
		{"*0\r\n", nil},
		{"*2\r\n*1\r\n:1\r\n$1\r\nb\r\n", []string{"1", "b"}},
		{">2\r\n+message\r\n_\r\n", []string{"message", ""}},
		{"%1\r\n+key\r\n#t\r\n", []string{"key", "t"}},
	} {
		r := bufio.NewReader(strings.NewReader(c.in + "+next\r\n"))
		v, err := readReply(r)
		if err != nil {
			t.Errorf("%q: %v", c.in, err)
			continue
		}
		if got := v.flat(nil); !cmp.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
		if got := string(v.append(nil)); got != c.in {
			t.Errorf("%q: written again as %q", c.in, got)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "+next\r\n" {
			t.Errorf("%q: left %q", c.in, rest)
		}
	}
	for _, in := range []string{"", "\r\n", "+OK\n", "x1\r\n", "$x\r\n", "$-2\r\n", "$9999999999\r\n", "$3\r\nab", "*2\r\n:1\r\n"} {
		if v, err := readReply(bufio.NewReader(strings.NewReader(in))); err == nil {
			t.Errorf("%q was read as %+v", in, v)
		}
	}
}
