package transport

import (
	"sync"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// The forms in which messages leave. Each is made once per message and instance, when the
// first client needs it, and its bytes go to every client; or each time, for messages that one
// client alone was there for.
const (
	formObject   bridge.Form = iota // polls: the message object
	formText                        // WebSocket: a text frame
	formDeflated                    // WebSocket with permessage-deflate: a compressed text frame
	formBinary                      // WebSocket, for binary data: a binary frame
	formSSE                         // server-sent events: the event without its id
	formLine                        // HTTP stream: a line
)

// deflateThreshold is the size in bytes from which data is worth compressing.
const deflateThreshold = 256

// frameOf returns the frame of a message for a WebSocket that takes deflated frames or not, which
// may stand in scratch. Binary data goes as it came: most of it (pictures, archives) is compressed
// already.
func frameOf(d *bridge.Delivery, deflated bool, scratch *[]byte) []byte {
	switch {
	case d.Message.Data.Kind == pubsub.Binary:
		return d.Encoded(formBinary, scratch, appendBinary)
	case deflated && len(d.Message.Data.Bytes) >= deflateThreshold:
		return d.Encoded(formDeflated, scratch, appendDeflated)
	}
	return d.Encoded(formText, scratch, appendText)
}

func appendText(dst []byte, m *pubsub.Message) []byte {
	s := getScratch()
	defer s.put()
	s.b = wire.AppendMessageEvent(s.b, m)
	return websocket.AppendFrame(dst, websocket.OpText, true, false, s.b)
}

func appendBinary(dst []byte, m *pubsub.Message) []byte {
	s := getScratch()
	defer s.put()
	s.b = wire.AppendMessageFrame(s.b, m)
	return websocket.AppendFrame(dst, websocket.OpBinary, true, false, s.b)
}

func appendDeflated(dst []byte, m *pubsub.Message) []byte {
	s := getScratch()
	defer s.put()
	s.b = wire.AppendMessageEvent(s.b, m)
	return websocket.AppendDeflatedFrame(dst, websocket.OpText, s.b, 0)
}

// textFrame returns a reply: a text frame with what write appends.
func textFrame(write func([]byte) []byte) bridge.Reply {
	s := getScratch()
	defer s.put()
	s.b = write(s.b)
	const maxHeader = 10
	return websocket.AppendFrame(make([]byte, 0, len(s.b)+maxHeader), websocket.OpText, true, false, s.b)
}

// A scratch is a buffer that is borrowed for a moment.
type scratch struct{ b []byte }

const (
	scratchSize = 4 << 10
	scratchKept = 256 << 10 // a buffer that grew further is left to the collector
)

var scratches = sync.Pool{New: func() any { return &scratch{make([]byte, 0, scratchSize)} }}

func getScratch() *scratch { return scratches.Get().(*scratch) }

func (s *scratch) put() {
	if cap(s.b) <= scratchKept {
		s.b = s.b[:0]
		scratches.Put(s)
	}
}
