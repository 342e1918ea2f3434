package wire

import (
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// The answer of a poll is written in pieces, so that messages that were encoded before
// are only copied into it:
//
//	{"messages":[…],"gaps":[…],"cursor":"…","more":false,"retry":0}

// BeginAnswer begins the answer of a poll.
func BeginAnswer(dst []byte) []byte { return append(dst, `{"messages":[`...) }

// AppendAnswerMessage adds a message, as [AppendMessage] wrote it, to an answer.
func AppendAnswerMessage(dst, object []byte) []byte {
	if dst[len(dst)-1] != '[' {
		dst = append(dst, ',')
	}
	return append(dst, object...)
}

// EndAnswer ends the answer of a poll. more asks the client to poll again at once, retry
// to poll again after that time.
func EndAnswer(dst []byte, gaps []pubsub.Gap, cursor pubsub.Cursor, more bool, retry time.Duration) []byte {
	dst = appendGapsCursor(dst, gaps, cursor)
	if more {
		dst = append(dst, `,"more":true,"retry":`...)
	} else {
		dst = append(dst, `,"more":false,"retry":`...)
	}
	return append(appendMillis(dst, retry), '}')
}

func appendGapsCursor(dst []byte, gaps []pubsub.Gap, cursor pubsub.Cursor) []byte {
	dst = appendGaps(append(dst, `],"gaps":`...), gaps)
	dst = cursor.AppendTo(append(dst, `,"cursor":"`...))
	return append(dst, '"')
}

// An Answer is what a poll, or a request for history, was answered.
type Answer struct {
	Messages []*pubsub.Message
	Gaps     []pubsub.Gap // a channel's gap stands before all its messages
	Cursor   pubsub.Cursor
	More     bool
	Retry    time.Duration
}

// ParseAnswer reads the answer of a poll or of history.
func ParseAnswer(text []byte) (Answer, error) {
	e, err := parseEvent("", text)
	return Answer{e.Messages, e.Gaps, e.Cursor, e.More, e.Retry}, err
}
