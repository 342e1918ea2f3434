package transport

import (
	"sync"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// The forms in which messages leave. Each is made once per message and instance, when the
// first client needs it, and its bytes go to every client.
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

func objectOf(d *bridge.Delivery) []byte { return d.Encoded(formObject, encodeObject) }
func eventOf(d *bridge.Delivery) []byte  { return d.Encoded(formSSE, encodeSSE) }
func lineOf(d *bridge.Delivery) []byte   { return d.Encoded(formLine, encodeLine) }

// frameOf returns the frame of a message for a WebSocket that takes deflated frames or not.
// Binary data goes as it came: most of it (pictures, archives) is compressed already.
func frameOf(d *bridge.Delivery, deflated bool) []byte {
	switch {
	case d.Message.Data.Kind == pubsub.Binary:
		return d.Encoded(formBinary, encodeBinary)
	case deflated && len(d.Message.Data.Bytes) >= deflateThreshold:
		return d.Encoded(formDeflated, encodeDeflated)
	}
	return d.Encoded(formText, encodeText)
}

func encodeObject(m *pubsub.Message) []byte {
	return exact(func(b []byte) []byte { return wire.AppendMessage(b, m) })
}

func encodeSSE(m *pubsub.Message) []byte {
	return exact(func(b []byte) []byte { return wire.AppendMessageSSE(b, m) })
}

func encodeLine(m *pubsub.Message) []byte {
	return exact(func(b []byte) []byte { return wire.AppendMessageLine(b, m) })
}

func encodeText(m *pubsub.Message) []byte {
	return framed(websocket.OpText, func(b []byte) []byte { return wire.AppendMessageEvent(b, m) })
}

func encodeBinary(m *pubsub.Message) []byte {
	return framed(websocket.OpBinary, func(b []byte) []byte { return wire.AppendMessageFrame(b, m) })
}

func encodeDeflated(m *pubsub.Message) []byte {
	s := getScratch()
	defer s.put()
	s.b = wire.AppendMessageEvent(s.b, m)
	return websocket.AppendDeflatedFrame(nil, websocket.OpText, s.b, 0)
}

// textFrame returns a reply: a text frame with what write appends.
func textFrame(write func([]byte) []byte) bridge.Reply {
	return framed(websocket.OpText, write)
}

func framed(op websocket.Opcode, write func([]byte) []byte) []byte {
	s := getScratch()
	defer s.put()
	s.b = write(s.b)
	const maxHeader = 10
	return websocket.AppendFrame(make([]byte, 0, len(s.b)+maxHeader), op, true, false, s.b)
}

// exact returns what write appends in memory of its size, since it is kept for a while.
func exact(write func([]byte) []byte) []byte {
	s := getScratch()
	defer s.put()
	s.b = write(s.b)
	return append(make([]byte, 0, len(s.b)), s.b...)
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
