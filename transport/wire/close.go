package wire

import (
	"strconv"
	"strings"
	"time"
)

// A CloseCode says why the server ends a connection, on every transport. Its hundreds say
// what a client does about it, see [CloseCode.Next].
type CloseCode uint16

const (
	CloseRestart CloseCode = 1012 // the server stops; another instance goes on (IANA WebSocket Close Code registry)

	CloseBadRequest   CloseCode = 4000
	CloseUnauthorized CloseCode = 4001
	CloseForbidden    CloseCode = 4003
	CloseDisconnected CloseCode = 4009 // a backend asked for it

	CloseOverCapacity CloseCode = 4100
	CloseUnavailable  CloseCode = 4103 // the broker is away
	CloseRateLimited  CloseCode = 4129

	CloseTokenExpired CloseCode = 4203 // refresh the token first
	CloseTooSlow      CloseCode = 4208 // the queue of the client was full
)

var closeNames = map[CloseCode]string{
	CloseRestart:      "restart",
	CloseBadRequest:   "bad_request",
	CloseUnauthorized: "unauthorized",
	CloseForbidden:    "forbidden",
	CloseDisconnected: "disconnected",
	CloseOverCapacity: "over_capacity",
	CloseUnavailable:  "unavailable",
	CloseRateLimited:  "rate_limited",
	CloseTokenExpired: "token_expired",
	CloseTooSlow:      "too_slow",
}

// CloseCodes returns all codes that wsbridge gives by itself, in no order. A WebSocket
// may be closed with others of RFC 6455 as well.
func CloseCodes() []CloseCode {
	codes := make([]CloseCode, 0, len(closeNames))
	for c := range closeNames {
		codes = append(codes, c)
	}
	return codes
}

// String returns the stable name of the code, or its number.
func (c CloseCode) String() string {
	if name, ok := closeNames[c]; ok {
		return name
	}
	return strconv.Itoa(int(c))
}

// A Next is what a client does when its connection was closed.
type Next uint8

const (
	Backoff Next = iota // reconnect with the cursor, waiting longer each time
	Again               // reconnect with the cursor at once, or after the time that was given
	Stop                // do not reconnect
)

// Next returns what to do after c: 4000 to 4099 stop, 4100 to 4199 back off, 4200 to 4299
// and 1012 again. Everything else, and a line that broke without code, is backed off from.
func (c CloseCode) Next() Next {
	switch {
	case c == CloseRestart, 4200 <= c && c < 4300:
		return Again
	case 4000 <= c && c < 4100:
		return Stop
	}
	return Backoff
}

const retryReason = "retry="

// CloseReason returns the reason of a WebSocket's close frame: retry=MS, or, if there is
// no time to wait, the name of the code.
func CloseReason(code CloseCode, retry time.Duration) string {
	if retry <= 0 {
		return code.String()
	}
	return retryReason + strconv.FormatInt(retry.Milliseconds(), 10)
}

// ParseCloseReason returns how long to wait, or 0 if the reason says nothing of it.
func ParseCloseReason(reason string) time.Duration {
	for word := range strings.FieldsSeq(reason) {
		if ms, ok := strings.CutPrefix(word, retryReason); ok {
			if n, err := strconv.ParseUint(ms, 10, 32); err == nil {
				return time.Duration(n) * time.Millisecond
			}
		}
	}
	return 0
}

// appendCloseMembers appends the members of the object that stands for a close frame
// where there is none: {"code":4208,"reason":"too_slow","retry":0}.
func appendCloseMembers(dst []byte, code CloseCode, retry time.Duration) []byte {
	dst = appendInt(append(dst, `"code":`...), int(code))
	dst = AppendString(append(dst, `,"reason":`...), code.String())
	return appendMillis(append(dst, `,"retry":`...), retry)
}
