package wire

import (
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// The lines of the HTTP stream (application/x-ndjson). Each ends with a line feed, and
// those that move the client carry a cursor of the channels that moved, which the client
// merges into its own. As a message moves its own channel only, its line is the same for
// every subscriber.

// HeartbeatLine shows that the stream is alive.
const HeartbeatLine = HeartbeatEvent + "\n"

// AppendWelcomeLine appends the first line of a stream, with the whole starting cursor.
func AppendWelcomeLine(dst []byte, client, user string, heartbeat time.Duration, cursor pubsub.Cursor) []byte {
	dst = appendWelcomeMembers(append(dst, `{"type":"welcome",`...), client, user, heartbeat)
	dst = cursor.AppendTo(append(dst, `,"cursor":"`...))
	return append(dst, "\"}\n"...)
}

// AppendMessageLine appends the line of a message and its cursor.
func AppendMessageLine(dst []byte, m *pubsub.Message) []byte {
	return appendLineCursor(appendMembers(append(dst, messageType...), m, true), m.Channel, m.Pos)
}

// AppendGapLine appends the line of a gap; its cursor is where the gap ends.
func AppendGapLine(dst []byte, g *pubsub.Gap) []byte {
	return appendLineCursor(appendGapMembers(append(dst, `{"type":"gap",`...), g), g.Channel, g.To)
}

func appendLineCursor(dst []byte, c pubsub.Channel, pos pubsub.Position) []byte {
	dst = append(append(dst, `,"cursor":"`...), c...)
	dst = pos.AppendTo(append(dst, '@'))
	return append(dst, "\"}\n"...)
}

// AppendCloseLine appends the last line of a stream that the server ends.
func AppendCloseLine(dst []byte, code CloseCode, retry time.Duration) []byte {
	return append(appendCloseMembers(append(dst, `{"type":"close",`...), code, retry), "}\n"...)
}
