package wire

import (
	"encoding/binary"
	"errors"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A binary frame carries bytes beside JSON, so that they need no base64:
//
//	 0               4               4+n
//	+---------------+---------------+-----------------+
//	| n, big-endian | n bytes JSON  | payload …       |
//	+---------------+---------------+-----------------+
//
// To the client the JSON is a message event without data, to the server a publish command
// without data. The payload may be empty.
const frameHead = 4

// AppendMessageFrame appends the binary frame of a message whose data is binary.
func AppendMessageFrame(dst []byte, m *pubsub.Message) []byte {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = append(appendMembers(append(dst, messageType...), m, false), '}')
	return append(closeHead(dst, start), m.Data.Bytes...)
}

// closeHead writes the length of the JSON that ends dst into the head at start.
func closeHead(dst []byte, start int) []byte {
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-frameHead))
	return dst
}

var (
	errFrameHead = errors.New("a binary frame begins with 4 bytes of length")
	errFrameJSON = errors.New("a binary frame is shorter than the length of its JSON says")
)

// splitFrame returns both parts of a binary frame; they alias it.
func splitFrame(frame []byte) (text, payload []byte, err error) {
	if len(frame) < frameHead {
		return nil, nil, errFrameHead
	}
	n, rest := binary.BigEndian.Uint32(frame), frame[frameHead:]
	if uint64(n) > uint64(len(rest)) {
		return nil, nil, errFrameJSON
	}
	return rest[:n], rest[n:], nil
}
