package wire

import (
	"strconv"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A Piece is what a binary frame brings of a stream.
type Piece struct {
	Channel pubsub.Channel
	ID      string // of the stream
	Offset  int64  // where the bytes stand in it
	State   string // "complete" or "cut": this is the last; "": more comes
	Reason  string // of a cut
	Bytes   []byte
}

// AppendStreamFrame appends the binary frame of a piece.
func AppendStreamFrame(dst []byte, p *Piece) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = append(append(dst, `{"type":"stream","channel":"`...), p.Channel...)
	dst = append(append(dst, `","stream":"`...), p.ID...)
	dst = strconv.AppendInt(append(dst, `","offset":`...), p.Offset, 10)
	if p.State != "" {
		dst = AppendString(append(dst, `,"state":`...), p.State)
	}
	if p.Reason != "" {
		dst = AppendString(append(dst, `,"reason":`...), p.Reason)
	}
	dst = append(dst, '}')
	return append(closeHead(dst, start), p.Bytes...)
}

var stateNames = [...]string{
	pubsub.StreamBegins:   "",
	pubsub.StreamComplete: "complete",
	pubsub.StreamCut:      "cut",
}

// StateName returns the name of a stream's state; that of one that begins is empty.
func StateName(s pubsub.StreamState) string { return stateNames[s] }

// appendStream appends the member of a message that announces a stream.
func appendStream(dst []byte, s *pubsub.Stream) []byte {
	dst = append(appendID(append(dst, `{"id":"`...), s.ID), '"')
	if s.State != pubsub.StreamBegins {
		dst = AppendString(append(dst, `,"state":`...), StateName(s.State))
	}
	if s.Name != "" {
		dst = AppendString(append(dst, `,"name":`...), s.Name)
	}
	if s.Type != "" {
		dst = AppendString(append(dst, `,"type":`...), s.Type)
	}
	if s.Size >= 0 {
		dst = strconv.AppendInt(append(dst, `,"size":`...), s.Size, 10)
	}
	return append(dst, '}')
}

// readStream reads the member of a message that announces a stream.
func (m *members) readStream(v []byte) *pubsub.Stream {
	s := &pubsub.Stream{Size: -1}
	err := eachMember(v, eventDepth, func(name, v []byte) {
		switch string(name) {
		case "id":
			s.ID = m.id(m.text("stream.id", v))
		case "name":
			s.Name = m.text("stream.name", v)
		case "type":
			s.Type = m.text("stream.type", v)
		case "size":
			s.Size = m.whole("stream.size", v)
		case "state":
			s.State = m.state(m.text("stream.state", v))
		}
	})
	if err != nil {
		m.fail(CodeBadRequest, "stream: %s", err.Detail)
	}
	return s
}

// state reads the name of a state. One that is not known yet is an end of some kind.
func (m *members) state(name string) pubsub.StreamState {
	for s, known := range stateNames {
		if known == name {
			return pubsub.StreamState(s)
		}
	}
	return pubsub.StreamCut
}

// whole reads a number that is not negative and has no fraction.
func (m *members) whole(name string, v []byte) int64 {
	n, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil || n < 0 {
		m.fail(CodeBadRequest, "%s must be a whole number from 0 to 2^63-1", name)
		return 0
	}
	return n
}

// piece puts together what a binary frame says of a stream.
func (m *members) piece(e *Event) *Piece {
	p := &Piece{Channel: e.Channel, Offset: m.offset, State: m.streamState, Reason: m.reason}
	if m.stream != nil {
		p.ID = m.text("stream", m.stream)
	}
	if p.Channel == "" || p.ID == "" {
		m.fail(CodeBadRequest, "a piece of a stream has no channel or no stream")
	}
	return p
}
