package raw

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// readAll returns what a stream gives, each event as one string.
func readAll(s *eventStream) (events []string, err error) {
	for {
		e, err := s.next()
		if err != nil {
			return events, err
		}
		if e.comment {
			events = append(events, ":")
		} else {
			events = append(events, fmt.Sprintf("%s|%s|%s", e.name, e.id, e.data))
		}
	}
}

func TestEventStream(t *testing.T) {
	for _, tt := range []struct {
		name, stream string
		want         []string
	}{
		{"plain", "data: a\n\n", []string{"message||a"}},
		{"named", "event: gap\nid: 7\ndata: a\n\n", []string{"gap|7|a"}},
		{"one space only is dropped", "data:  a\n\ndata:b\n\n", []string{"message|| a", "message||b"}},
		{"lines of data", "data: a\ndata\ndata: b\n\n", []string{"message||a\n\nb"}},
		{"empty data", "data\n\n", []string{"message||"}},
		{"no data is no event", "event: gap\nid: 7\n\ndata: a\n\n", []string{"message|7|a"}},
		{"the id stays", "id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", []string{"message|7|a", "message|7|b", "message||c"}},
		{"an id with NUL is ignored", "id: 7\nid: 8\x00\ndata: a\n\n", []string{"message|7|a"}},
		{"comments", ": hello\n\n:\ndata: a\n\n", []string{":", ":", "message||a"}},
		{"all ends of lines", "data: a\r\n\r\ndata: b\r\rdata: c\n\n", []string{"message||a", "message||b", "message||c"}},
		{"unknown fields", "dates: x\nDATA: y\ndata: a\n\n", []string{"message||a"}},
		{"byte order mark", "\ufeffdata: a\n\n\ufeffdata: b\n\n", []string{"message||a"}},
		{"what is not ended is lost", "data: a\n\ndata: b\n", []string{"message||a"}},
		{"nothing", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"at once":     strings.NewReader(tt.stream),
				"byte a time": iotest.OneByteReader(strings.NewReader(tt.stream)),
			} {
				got, err := readAll(newEventStream(r, 1000))
				if err != io.EOF {
					t.Errorf("%s: %v", name, err)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s: expected (-) and given (+) differ:\n%s", name, diff)
				}
			}
		})
	}
}

func TestRetryOfAStream(t *testing.T) {
	for stream, want := range map[string]time.Duration{
		"retry: 1500\n":              1500 * time.Millisecond,
		"retry: 1500\nretry: soon\n": 1500 * time.Millisecond,
		"retry: -1\n":                0,
		"retry: 1.5\n":               0,
		"retry: 99999999999999999\n": 0,
	} {
		s := newEventStream(strings.NewReader(stream), 1000)
		readAll(s)
		if s.retry != want {
			t.Errorf("%q asks for %v, not %v", stream, s.retry, want)
		}
	}
}

func TestStreamsAreBounded(t *testing.T) {
	for _, endless := range []string{"data: ", "data: a\n", "id: 7", "x"} {
		s := newEventStream(io.MultiReader(strings.NewReader("data: ok\n\n"), &repeat{text: endless}), 1000)
		got, err := readAll(s)
		if broken := (*Violation)(nil); !errors.As(err, &broken) || len(got) != 1 {
			t.Errorf("%q without end: %d events, %v", endless, len(got), err)
		}
	}
}

// repeat gives a text without end.
type repeat struct {
	text string
	at   int
}

func (r *repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = r.text[r.at%len(r.text)]
		r.at++
	}
	return len(p), nil
}

// naive reads a whole stream by the grammar of the specification, line by line.
func naive(stream string) (events []string) {
	var name, id string
	var data []string
	lines := regexp.MustCompile(`\r\n|\r|\n`).Split(strings.TrimPrefix(stream, "\ufeff"), -1)
	for _, line := range lines[:len(lines)-1] {
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if data != nil {
				if name == "" {
					name = "message"
				}
				events = append(events, fmt.Sprintf("%s|%s|%s", name, id, strings.Join(data, "\n")))
			}
			name, data = "", nil
		case field == "event":
			name = value
		case field == "data":
			data = append(data, value)
		case field == "id" && !strings.Contains(value, "\x00"):
			id = value
		}
	}
	return events
}

func FuzzEventStream(f *testing.F) {
	f.Add("event: gap\nid: 7\ndata: a\ndata: b\n\n: c\r\rdata\r\n\r\n", 1)
	f.Add("data: a\n: within an event\ndata: b\n\n", 0)
	f.Add("\ufeffdata:\n\nid\x00\n\n", 3)
	f.Fuzz(func(t *testing.T, stream string, piece int) {
		var r io.Reader = strings.NewReader(stream)
		if piece%2 == 1 {
			r = iotest.OneByteReader(r)
		}
		got, err := readAll(newEventStream(r, len(stream)+1))
		if err != io.EOF {
			t.Fatal(err)
		}
		var events []string
		for _, e := range got {
			if e != ":" {
				events = append(events, e)
			}
		}
		if diff := cmp.Diff(naive(stream), events); diff != "" {
			t.Errorf("%q: naive (-) and given (+) differ:\n%s", stream, diff)
		}
	})
}
