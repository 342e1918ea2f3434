package websocket

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// StatusCode is the code of a close frame (RFC 6455, section 7.4).
type StatusCode uint16

// The registered close codes. Codes from 3000 to 4999 belong to libraries and applications. [StatusNoStatusReceived] and
// [StatusAbnormalClosure] never stand in a frame; they describe what was seen.
const (
	StatusNormalClosure      StatusCode = 1000
	StatusGoingAway          StatusCode = 1001
	StatusProtocolError      StatusCode = 1002
	StatusUnsupportedData    StatusCode = 1003
	StatusNoStatusReceived   StatusCode = 1005
	StatusAbnormalClosure    StatusCode = 1006
	StatusInvalidPayload     StatusCode = 1007
	StatusPolicyViolation    StatusCode = 1008
	StatusMessageTooBig      StatusCode = 1009
	StatusMandatoryExtension StatusCode = 1010
	StatusInternalError      StatusCode = 1011
	StatusServiceRestart     StatusCode = 1012
	StatusTryAgainLater      StatusCode = 1013
	StatusBadGateway         StatusCode = 1014
)

// sendable reports whether code may stand in a close frame. 1004 is reserved; 1005, 1006 and 1015 are for local use
// (RFC 6455, section 7.4.1, and the registry for 1012 to 1014).
func (code StatusCode) sendable() bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
		return true
	}
	return false
}

// CloseError is what reading and writing return after the peer closed the connection with a close frame.
type CloseError struct {
	Code   StatusCode // StatusNoStatusReceived when the frame was empty
	Reason string     // valid UTF-8, at most 123 bytes
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("websocket: closed by the peer: %d %q", e.Code, e.Reason)
}

// ProtocolError says how the peer broke the protocol or a limit. The connection is closed with Code and Reason.
type ProtocolError struct {
	Code   StatusCode // 1002, 1007, 1008 or 1009
	Reason string     // a fixed English sentence part, free of the peer's data
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("websocket: %s (%d)", e.Reason, e.Code)
}

// CloseStatus returns the code that err, as returned by a [Conn], stands for: that of a [CloseError] or a
// [ProtocolError], else [StatusAbnormalClosure].
func CloseStatus(err error) StatusCode {
	var closed *CloseError
	if errors.As(err, &closed) {
		return closed.Code
	}
	var broken *ProtocolError
	if errors.As(err, &broken) {
		return broken.Code
	}
	return StatusAbnormalClosure
}

// maxReason is what a control frame leaves for the reason behind the code, in bytes.
const maxReason = maxControl - 2

// AppendClosePayload appends the payload of a close frame. [StatusNoStatusReceived] gives an empty payload, any other
// code that must not stand in a frame becomes 1011. A reason longer than 123 bytes is cut at a character boundary.
func AppendClosePayload(dst []byte, code StatusCode, reason string) []byte {
	if code == StatusNoStatusReceived {
		return dst
	}
	if !code.sendable() {
		code = StatusInternalError
	}
	if len(reason) > maxReason {
		end := maxReason
		for end > 0 && !utf8.RuneStart(reason[end]) {
			end--
		}
		reason = reason[:end]
	}
	dst = append(dst, byte(code>>8), byte(code))
	return append(dst, reason...)
}

// parseClose checks the payload of a close frame (RFC 6455, section 5.5.1).
func parseClose(p []byte) (StatusCode, []byte, error) {
	switch {
	case len(p) == 0:
		return StatusNoStatusReceived, nil, nil
	case len(p) == 1:
		return 0, nil, errCloseLength
	}
	code := StatusCode(p[0])<<8 | StatusCode(p[1])
	if !code.sendable() {
		return 0, nil, errCloseCode
	}
	if !utf8.Valid(p[2:]) {
		return 0, nil, errUTF8
	}
	return code, p[2:], nil
}

// Every way in which a peer can break the protocol. They are values so that refusing a frame allocates nothing.
var (
	errRSV              = &ProtocolError{StatusProtocolError, "reserved bit set"}
	errOpcode           = &ProtocolError{StatusProtocolError, "reserved opcode"}
	errMaskMissing      = &ProtocolError{StatusProtocolError, "frame of a client without mask"}
	errMaskPresent      = &ProtocolError{StatusProtocolError, "masked frame of a server"}
	errLengthForm       = &ProtocolError{StatusProtocolError, "length not in its shortest form"}
	errLengthSign       = &ProtocolError{StatusProtocolError, "length above 63 bits"}
	errControlLength    = &ProtocolError{StatusProtocolError, "control frame above 125 bytes"}
	errControlFin       = &ProtocolError{StatusProtocolError, "fragmented control frame"}
	errNoMessage        = &ProtocolError{StatusProtocolError, "continuation without a message"}
	errInMessage        = &ProtocolError{StatusProtocolError, "new message inside a fragmented one"}
	errCloseLength      = &ProtocolError{StatusProtocolError, "close frame with one byte"}
	errCloseCode        = &ProtocolError{StatusProtocolError, "invalid close code"}
	errUTF8             = &ProtocolError{StatusInvalidPayload, "invalid UTF-8"}
	errDeflateData      = &ProtocolError{StatusInvalidPayload, "corrupt compressed data"}
	errFrameTooBig      = &ProtocolError{StatusMessageTooBig, "frame too big"}
	errMessageTooBig    = &ProtocolError{StatusMessageTooBig, "message too big"}
	errTooManyFragments = &ProtocolError{StatusPolicyViolation, "too many fragments"}
)
