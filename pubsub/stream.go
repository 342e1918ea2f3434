package pubsub

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Limits of what a stream says of itself, in bytes.
const (
	MaxStreamName = 255
	MaxStreamType = 255
)

// A StreamState tells what a message says of a stream.
type StreamState uint8

const (
	StreamBegins   StreamState = iota
	StreamComplete             // all of it was sent
	StreamCut                  // its end never came
)

// A Stream is what stands in the message that announces the beginning or the end of a stream.
// Its bytes are not in the log.
type Stream struct {
	ID    uuid.UUID
	State StreamState
	Name  string // of a beginning; may be empty
	Type  string // of a beginning: the media type
	Size  int64  // of a beginning: what was announced, -1 if nothing was; of an end: what came
}

// streamOverhead is what a Stream costs its message, in bytes.
const streamOverhead = 80

// Check holds s against the limits.
func (s *Stream) Check() error {
	switch {
	case s.ID == uuid.Nil:
		return fmt.Errorf("%w: the stream has no id", ErrMessage)
	case s.State > StreamCut:
		return fmt.Errorf("%w: there is no such state of a stream", ErrMessage)
	case s.Size < -1 || s.State != StreamBegins && s.Size < 0:
		return fmt.Errorf("%w: the stream's size is negative", ErrMessage)
	case len(s.Type) > MaxStreamType:
		return fmt.Errorf("%w: the stream's type has %d bytes, at most %d are allowed", ErrMessage, len(s.Type), MaxStreamType)
	}
	return CheckStreamName(s.Name)
}

// CheckStreamName holds the name of a stream from outside against its limits. "" is none.
func CheckStreamName(name string) error {
	switch {
	case len(name) > MaxStreamName:
		return fmt.Errorf("%w: the stream's name has %d bytes, at most %d are allowed", ErrMessage, len(name), MaxStreamName)
	case !utf8.ValidString(name):
		return fmt.Errorf("%w: the stream's name is not UTF-8", ErrMessage)
	}
	for _, c := range name {
		if unicode.IsControl(c) {
			return fmt.Errorf("%w: the stream's name holds a control character, U+%04X", ErrMessage, c)
		}
	}
	return nil
}
