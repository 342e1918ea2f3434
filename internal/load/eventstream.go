package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// An eventStream is a client's line over server-sent events.
type eventStream struct {
	conn   net.Conn
	answer *http.Response
	reader *bufio.Reader
	event  []byte // the name of the event whose lines are read
	long   []byte // a line that is longer than the reader's buffer
}

// eventBuffer has room for most lines.
const eventBuffer = 1 << 10

func openEventStream(ctx context.Context, t *target, channel, bearer string) (line, error) {
	conn, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	s := &eventStream{conn: conn}
	if err := s.begin(t.head(http.MethodGet, "/v1/sse?channels="+channel, bearer)); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// begin asks for the stream and waits for its welcome.
func (s *eventStream) begin(head string) (err error) {
	s.conn.SetDeadline(time.Now().Add(dialTimeout))
	defer s.conn.SetDeadline(time.Time{})
	if _, err = s.conn.Write([]byte(head + "Accept: text/event-stream\r\n\r\n")); err != nil {
		return err
	}
	if s.answer, err = http.ReadResponse(bufio.NewReaderSize(s.conn, readBuffer), nil); err != nil {
		return err
	}
	if s.answer.StatusCode != http.StatusOK {
		body, _ := readAll(nil, s.answer.Body)
		return refused(s.answer.StatusCode, body)
	}
	s.reader = bufio.NewReaderSize(s.answer.Body, eventBuffer)
	event, data, err := s.next(nil)
	if err == nil && string(event) != "welcome" {
		err = fmt.Errorf("the server said %s %.200q instead of welcome", event, data)
	}
	return err
}

func (s *eventStream) follow(to *subscriber) error {
	var buf []byte
	for {
		event, data, err := s.next(buf)
		if err != nil {
			return err
		}
		buf = data
		switch string(event) {
		case "message":
			to.message(data)
		case "gap":
			to.gap()
		case "close":
			return fmt.Errorf("the server closed the stream: %s", data)
		default:
			to.damaged()
		}
	}
}

var (
	eventField = []byte("event: ")
	dataField  = []byte("data: ")
)

// next reads up to the end of an event, and returns its name, and its data in buf. The server
// sends one line of data an event.
func (s *eventStream) next(buf []byte) (event, data []byte, err error) {
	s.event, data = s.event[:0], buf[:0]
	for {
		text, err := s.readLine()
		if err != nil {
			return nil, nil, err
		}
		switch {
		case len(text) == 0 && (len(s.event) > 0 || len(data) > 0):
			return s.event, data, nil
		case bytes.HasPrefix(text, eventField):
			s.event = append(s.event, text[len(eventField):]...)
		case bytes.HasPrefix(text, dataField):
			data = append(data, text[len(dataField):]...)
		}
	}
}

// readLine returns a line, which is good until the next call.
func (s *eventStream) readLine() ([]byte, error) {
	text, err := s.reader.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		for s.long = s.long[:0]; errors.Is(err, bufio.ErrBufferFull) && len(s.long) < maxAnswer; {
			s.long = append(s.long, text...)
			text, err = s.reader.ReadSlice('\n')
		}
		s.long = append(s.long, text...)
		text = s.long
	}
	if err != nil {
		return nil, err
	}
	return text[:len(text)-1], nil
}

func (s *eventStream) close() { s.conn.Close() }
