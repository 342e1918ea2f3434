package raw

import (
	"fmt"
	"strings"
)

// A Transport is a way in which messages come.
type Transport uint8

const (
	WebSocket  Transport = iota // RFC 6455
	SSE                         // server-sent events
	HTTPStream                  // lines of JSON in one endless answer
	LongPoll                    // requests that the server holds until there is something
	Poll                        // requests that are answered at once
)

var transportNames = [...]string{"websocket", "sse", "http-stream", "long-poll", "poll"}

// Transports returns all of them.
func Transports() []Transport { return []Transport{WebSocket, SSE, HTTPStream, LongPoll, Poll} }

// String returns the name that metrics and command line use.
func (t Transport) String() string {
	if int(t) < len(transportNames) {
		return transportNames[t]
	}
	return fmt.Sprintf("transport %d", t)
}

// ParseTransport reads what String returns, and "ws".
func ParseTransport(s string) (Transport, error) {
	if s == "ws" {
		return WebSocket, nil
	}
	for i, name := range transportNames {
		if s == name {
			return Transport(i), nil
		}
	}
	return 0, fmt.Errorf("there is no transport %q; known are ws, %s", s, strings.Join(transportNames[:], ", "))
}

// MarshalText returns the name.
func (t Transport) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText is ParseTransport.
func (t *Transport) UnmarshalText(text []byte) (err error) {
	*t, err = ParseTransport(string(text))
	return err
}
