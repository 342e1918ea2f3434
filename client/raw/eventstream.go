package raw

import (
	"bytes"
	"io"
	"strconv"
	"time"
)

// A serverEvent is what an event stream dispatched, or a comment.
type serverEvent struct {
	name    string // "message" when the stream names none
	data    []byte // good until the next event
	id      string // the last that was seen, in this event or before
	comment bool
}

// An eventStream reads server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation).
type eventStream struct {
	lines lines
	max   int // bytes of an event's data
	begun bool

	retry time.Duration // as the server asked last; 0: never
	id    string

	name string
	data []byte
	fill bool // there is data, maybe empty

	given bool // the event was dispatched; a comment may stand within one that was not
}

func newEventStream(r io.Reader, max int) *eventStream {
	return &eventStream{lines: newLines(r, max), max: max}
}

// next waits for an event or a comment. What is not dispatched when the stream ends is lost.
func (s *eventStream) next() (serverEvent, error) {
	if s.given {
		s.reset()
	}
	for {
		line, err := s.lines.next()
		if err != nil {
			return serverEvent{}, err
		}
		if !s.begun {
			s.begun = true
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		switch {
		case len(line) > 0 && line[0] == ':':
			return serverEvent{comment: true}, nil
		case len(line) > 0:
			if err := s.field(line); err != nil {
				return serverEvent{}, err
			}
		case s.fill:
			e := serverEvent{name: s.name, data: s.data, id: s.id}
			if e.name == "" {
				e.name = "message"
			}
			s.given = true
			return e, nil
		default:
			s.reset() // an event without data is none, but its id counts
		}
	}
}

func (s *eventStream) reset() { s.name, s.data, s.fill, s.given = "", s.data[:0], false, false }

func (s *eventStream) field(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) {
	case "event":
		s.name = string(value)
	case "data":
		if len(s.data)+1+len(value) > s.max {
			return violation("an event of more than %d bytes", s.max)
		}
		if s.fill {
			s.data = append(s.data, '\n')
		}
		s.data, s.fill = append(s.data, value...), true
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			s.id = string(value)
		}
	case "retry":
		if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
			s.retry = time.Duration(ms) * time.Millisecond
		}
	}
	return nil
}
