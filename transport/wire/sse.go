package wire

import (
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).
// The id of an event is the cursor over all channels of its connection and stands in a
// line in front; what follows is the same for every subscriber. No object here contains a
// line break: JSON escapes it in strings, and payloads are compact.

// HeartbeatSSE is a comment: an EventSource drops it, proxies see traffic.
const HeartbeatSSE = ": heartbeat\n\n"

// AppendIDSSE appends the line that makes cursor the Last-Event-ID of what follows.
func AppendIDSSE(dst []byte, cursor pubsub.Cursor) []byte {
	return append(cursor.AppendTo(append(dst, "id: "...)), '\n')
}

// AppendWelcomeSSE appends the first event of a stream.
func AppendWelcomeSSE(dst []byte, client, user string, heartbeat time.Duration) []byte {
	return append(appendWelcomeMembers(append(dst, "event: welcome\ndata: {"...), client, user, heartbeat), "}\n\n"...)
}

// AppendMessageSSE appends the event of a message.
func AppendMessageSSE(dst []byte, m *pubsub.Message) []byte {
	return append(appendMembers(append(dst, "event: message\ndata: {"...), m, true), "}\n\n"...)
}

// AppendGapSSE appends the event of a gap.
func AppendGapSSE(dst []byte, g *pubsub.Gap) []byte {
	return append(appendGapMembers(append(dst, "event: gap\ndata: {"...), g), "}\n\n"...)
}

// AppendCloseSSE appends the last event of a stream that the server ends. An EventSource
// reconnects by itself after retry, or as it likes if that is 0.
func AppendCloseSSE(dst []byte, code CloseCode, retry time.Duration) []byte {
	if retry > 0 {
		dst = append(appendMillis(append(dst, "retry: "...), retry), '\n')
	}
	return append(appendCloseMembers(append(dst, "event: close\ndata: {"...), code, retry), "}\n\n"...)
}
