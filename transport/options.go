package transport

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/pubsub"
)

// An Operation is what a client wants to do with a channel.
type Operation uint8

const (
	Subscribe Operation = iota + 1
	Publish
	History
	Presence
)

// String returns what the sentence "may not …" needs.
func (op Operation) String() string {
	switch op {
	case Subscribe:
		return "subscribe to"
	case Publish:
		return "publish to"
	case History:
		return "read the history of"
	case Presence:
		return "see who is on"
	}
	return "use"
}

// An Identity is who a client is and what it may do.
type Identity struct {
	User     string           // "": anonymous
	Channels []pubsub.Channel // joined at connect
	Expires  time.Time        // the client is sent away then; zero: never

	// May reports whether the client may do something with a channel. It is called from any
	// goroutine and does not block. nil: it may nothing.
	May func(Operation, pubsub.Channel) bool
}

// A principal is what is kept of an [Identity]: who a client is, and what it may do.
type principal struct {
	user    string
	permits func(Operation, pubsub.Channel) bool // nil: nothing
}

func (id *Identity) principal() principal { return principal{id.User, id.May} }

func (p principal) may(op Operation, c pubsub.Channel) bool {
	return p.permits != nil && p.permits(op, c)
}

// What [Options].Authenticate returns, or wraps, for a token that is refused.
var (
	ErrTokenExpired = errors.New("the token has expired")
	ErrTokenInvalid = errors.New("the token is not valid")
)

// Options of a [Server]. The zero value works, and lets nobody do anything.
type Options struct {
	// Authenticate tells whose token it is. For "", no token, it returns the anonymous
	// identity. It is called from any goroutine and should not block. Default: everyone is
	// anonymous and may nothing.
	Authenticate func(token string) (Identity, error)

	// AllowedOrigins are the web origins whose pages may connect, as browsers write them;
	// "https://*.example.com" stands for all subdomains, "*" for every origin. Default: the
	// origin that a request was sent to.
	AllowedOrigins []string

	// TrustedProxies are the networks whose X-Forwarded-For and X-Forwarded-Host count.
	// Default: none.
	TrustedProxies []netip.Prefix

	// LoopbackOnly refuses requests whose Host or Origin is another machine's name, so that
	// no web page reaches a development server by foreign DNS.
	LoopbackOnly bool

	// Portable serves all WebSockets with goroutines of their own, as those are served that the
	// system's poller cannot watch, such as those over TLS.
	Portable bool

	// Relay passes the bytes of streams on. It is closed by whoever made it, before the server
	// is. nil: there are no streams.
	Relay *relay.Relay

	// Keys reports whether an API key is good, in constant time: backends may read any stream.
	// nil: none is.
	Keys func(presented string) bool

	// Limits are what clients may take. Default: as much as they like.
	Limits Limits

	Heartbeat  time.Duration // how often the server speaks at least; default 25 s
	MaxMessage int           // payload that a client may publish, in bytes; default 256 KiB
	Observer   Observer      // counts; default: nobody
	Logger     *slog.Logger  // one line for each connection that ended; default: none
}

// An Observer counts what happens to connections. Its methods are called from any
// goroutine and do not block. Transports are "websocket", "sse", "http-stream",
// "long-poll", "poll" and, refused only, "send" and "stream".
type Observer interface {
	// Opened is called for a client that was let in, and Closed when it is gone. code is a
	// close code of wsbridge, 1000 for an answered poll or a stream that its client left, or
	// what a WebSocket was closed with.
	Opened(transport string)
	Closed(transport string, code int)

	// Refused is called for a client that was not let in, with the code that it was told.
	Refused(transport, code string)

	// Limited is called for whatever a limit refused, commands included, with its name:
	// "connections", "connections_per_address", "connect_rate", "request_rate_per_address",
	// "command_rate" or "byte_rate".
	Limited(limit string)

	// Delivered is called for each write of messages. oldest is when the oldest of them that
	// was published since the client connected was; zero if none was.
	Delivered(transport string, messages int, oldest time.Time)

	// Repeated is called for a poll that went on with the session of the one before it, on the same
	// connection, and so did not come through the handler of requests. method is that of HTTP.
	Repeated(method string)
}

type nobody struct{}

func (nobody) Opened(string)                    {}
func (nobody) Closed(string, int)               {}
func (nobody) Refused(string, string)           {}
func (nobody) Limited(string)                   {}
func (nobody) Delivered(string, int, time.Time) {}
func (nobody) Repeated(string)                  {}

func (o Options) withDefaults() Options {
	if o.Authenticate == nil {
		o.Authenticate = func(token string) (Identity, error) {
			if token != "" {
				return Identity{}, ErrTokenInvalid
			}
			return Identity{}, nil
		}
	}
	if o.Keys == nil {
		o.Keys = func(string) bool { return false }
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = 25 * time.Second
	}
	if o.MaxMessage <= 0 {
		o.MaxMessage = 256 << 10
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
