package wire

import (
	"errors"
	"fmt"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// What a server may say, see [Event].
const (
	EventWelcome      = "welcome"
	EventOK           = "ok"
	EventSubscribed   = "subscribed"
	EventUnsubscribed = "unsubscribed"
	EventMessage      = "message"
	EventGap          = "gap"
	EventJoin         = "join"
	EventLeave        = "leave"
	EventHeartbeat    = "heartbeat"
	EventError        = "error"
	EventClose        = "close"
	EventStream       = "stream" // in binary frames only
)

// An Event is anything that a server says, on any transport. Which fields count depends
// on Type, which may be one that this package does not know yet.
type Event struct {
	Type string
	Ref  Ref // ok, subscribed, error: of the command that is answered

	Message *pubsub.Message // message
	Gap     *pubsub.Gap     // gap
	Piece   *Piece          // stream

	Client    string          // welcome, join, leave
	User      string          // welcome, join, leave
	Heartbeat time.Duration   // welcome
	Channel   pubsub.Channel  // subscribed, unsubscribed, join, leave, error
	Pos       pubsub.Position // subscribed; ok of publish
	Cursor    pubsub.Cursor   // where the channels that moved stand now, if the transport says so

	ID        string          // ok of publish
	Duplicate bool            // ok of publish
	Members   []pubsub.Sender // ok of presence
	Data      []byte          // ok of rpc: JSON

	Messages []*pubsub.Message // ok of history, and answers of polls, as More is
	Gaps     []pubsub.Gap
	More     bool

	Code      string        // error, unsubscribed: the stable code
	Detail    string        // error
	CloseCode CloseCode     // close
	Retry     time.Duration // close, and answers of polls
}

// ParseEvent reads a text frame of a WebSocket, a line of an HTTP stream, or an answer of
// /v1/send.
func ParseEvent(text []byte) (Event, error) {
	e, err := parseEvent("", text)
	if err == nil && e.Type == "" {
		err = errors.New("an event has no type")
	}
	return e, err
}

// ParseSSE reads the data of a server-sent event, whose type is the event's name.
func ParseSSE(event string, data []byte) (Event, error) {
	return parseEvent(event, data)
}

// ParseFrame reads a binary frame of a WebSocket: a message whose data is the payload, or a
// piece of a stream.
func ParseFrame(frame []byte) (Event, error) {
	text, payload, err := splitFrame(frame)
	if err != nil {
		return Event{}, err
	}
	e, err := ParseEvent(text)
	switch payload = append([]byte{}, payload...); {
	case err != nil:
		return Event{}, err
	case e.Piece != nil:
		e.Piece.Bytes = payload
	case e.Message != nil:
		e.Message.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: payload}
	default:
		return Event{}, fmt.Errorf("a binary frame carries a message or a piece of a stream, not %q", e.Type)
	}
	return e, nil
}

// eventDepth leaves room for what an answer puts around a payload.
const eventDepth = MaxDepth + 8

func parseEvent(kind string, text []byte) (Event, error) {
	e := Event{Type: kind}
	var m members
	if err := eachMember(text, eventDepth, func(name, v []byte) { m.add(&e, name, v) }); err != nil {
		return Event{}, errors.New(err.Detail)
	}
	m.build(&e)
	if m.err != nil {
		return Event{}, errors.New(m.err.Detail)
	}
	return e, nil
}
