package client

import (
	"errors"
	"net"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
)

// Refused says that the server refused a request, a channel or a token, with its stable code.
type Refused = raw.Refused

// A CloseError says that the server ended the connection and wants nobody to come back.
type CloseError = raw.CloseError

// A Violation says that the server broke the protocol.
type Violation = raw.Violation

var (
	// ErrClosed is what is returned of a client or subscription that was closed here.
	ErrClosed = errors.New("client: closed")

	// ErrSubscribed says that a channel has a subscription of this client already.
	ErrSubscribed = errors.New("client: the channel is subscribed already")

	// ErrTooManyChannels says that one connection cannot carry so many channels.
	ErrTooManyChannels = errors.New("client: too many channels for one client: 1,000 on a WebSocket, 100 on other transports")
)

// silence says that nothing came for so long that the line must be dead.
type silence struct{ time.Duration }

func (s silence) Error() string   { return "nothing came for " + s.Duration.String() }
func (s silence) Is(e error) bool { return e == raw.ErrBroken }

func codeOf(err error) string {
	if no := (*Refused)(nil); errors.As(err, &no) {
		return no.Code
	}
	return ""
}

// expired reports whether a new token would help.
func expired(err error) bool {
	closed := (*CloseError)(nil)
	return codeOf(err) == "token_expired" || errors.As(err, &closed) && closed.Code == 4203
}

// decisive reports whether a failed attempt says something of the server, so that other
// transports need not be tried. Everything else may be the work of something between.
func decisive(t Transport, err error) bool {
	if closed := (*CloseError)(nil); errors.As(err, &closed) {
		return closed.Code >= 4000 || closed.Code == 1012
	}
	switch codeOf(err) {
	case "bad_request": // a handshake that lost half of its header on the way is one
		return t != WebSocket
	case "", "upgrade_required", "not_found", "method_not_allowed", "timeout", "internal":
		// A WebSocket may be dialled past the proxy that all others use.
		dial := (*net.OpError)(nil)
		return t != WebSocket && errors.As(err, &dial) && dial.Op == "dial"
	}
	return true
}
