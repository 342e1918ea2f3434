package wire

import (
	"strconv"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// HeartbeatEvent is the text frame that shows a browser that the line is alive.
const HeartbeatEvent = `{"type":"heartbeat"}`

// AppendWelcomeEvent appends the first event of an authenticated client. user is left out
// when empty. heartbeat is how often the server speaks at least, given in seconds.
func AppendWelcomeEvent(dst []byte, client, user string, heartbeat time.Duration) []byte {
	return append(appendWelcomeMembers(append(dst, `{"type":"welcome",`...), client, user, heartbeat), '}')
}

func appendWelcomeMembers(dst []byte, client, user string, heartbeat time.Duration) []byte {
	dst = AppendString(append(dst, `"client":`...), client)
	if user != "" {
		dst = AppendString(append(dst, `,"user":`...), user)
	}
	return appendSeconds(append(dst, `,"heartbeat":`...), heartbeat)
}

// AppendOK appends the answer to a command that has nothing to tell.
func AppendOK(dst []byte, ref Ref) []byte {
	return append(appendOK(dst, ref), '}')
}

func appendOK(dst []byte, ref Ref) []byte {
	return appendRef(append(dst, `{"type":"ok"`...), ref)
}

// AppendSubscribed appends the answer to subscribe, or, without ref, the news of a
// channel that the query or the token subscribed. pos is where it starts.
func AppendSubscribed(dst []byte, ref Ref, c pubsub.Channel, pos pubsub.Position) []byte {
	dst = appendRef(append(dst, `{"type":"subscribed"`...), ref)
	dst = append(append(dst, `,"channel":"`...), c...)
	dst = pos.AppendTo(append(dst, `","pos":"`...))
	return append(dst, `"}`...)
}

// AppendUnsubscribed appends the news that the server ended a subscription, and the
// stable code of its reason.
func AppendUnsubscribed(dst []byte, c pubsub.Channel, code string) []byte {
	dst = append(append(dst, `{"type":"unsubscribed","channel":"`...), c...)
	return append(AppendString(append(dst, `","code":`...), code), '}')
}

// AppendPublished appends the answer to publish.
func AppendPublished(dst []byte, ref Ref, r pubsub.Receipt) []byte {
	dst = appendID(append(appendOK(dst, ref), `,"id":"`...), r.Message.ID)
	return appendPlace(dst, r)
}

// AppendReceipt appends the answer to who has published by HTTP:
//
//	{"id":"…","channel":"…","pos":"…","duplicate":false}
func AppendReceipt(dst []byte, r pubsub.Receipt) []byte {
	dst = appendID(append(dst, `{"id":"`...), r.Message.ID)
	dst = append(append(dst, `","channel":"`...), r.Message.Channel...)
	return appendPlace(dst, r)
}

// AppendResult appends what became of an item of a batch:
//
//	{"index":0,"channel":"…","id":"…","pos":"…","duplicate":false}
func AppendResult(dst []byte, index int, r pubsub.Receipt) []byte {
	dst = appendInt(append(dst, `{"index":`...), index)
	dst = append(append(dst, `,"channel":"`...), r.Message.Channel...)
	dst = appendID(append(dst, `","id":"`...), r.Message.ID)
	return appendPlace(dst, r)
}

func appendPlace(dst []byte, r pubsub.Receipt) []byte {
	dst = r.Message.Pos.AppendTo(append(dst, `","pos":"`...))
	dst = strconv.AppendBool(append(dst, `","duplicate":`...), r.Duplicate)
	return append(dst, '}')
}

// BeginHistory begins the answer to the command history. Messages follow by
// [AppendAnswerMessage], then [EndHistory].
func BeginHistory(dst []byte, ref Ref) []byte {
	return append(appendOK(dst, ref), `,"messages":[`...)
}

// EndHistory ends what [BeginHistory] began, or [BeginAnswer], where history is asked for
// by HTTP.
func EndHistory(dst []byte, gaps []pubsub.Gap, cursor pubsub.Cursor) []byte {
	return append(appendGapsCursor(dst, gaps, cursor), '}')
}

// AppendError appends the error event: the answer to the command with that ref, or,
// without ref, about the connection. channel is left out when empty.
func AppendError(dst []byte, ref Ref, code, detail string, c pubsub.Channel) []byte {
	dst = appendRef(append(dst, `{"type":"error"`...), ref)
	dst = AppendString(append(dst, `,"code":`...), code)
	dst = AppendString(append(dst, `,"detail":`...), detail)
	if c != "" {
		dst = AppendString(append(dst, `,"channel":`...), string(c))
	}
	return append(dst, '}')
}
