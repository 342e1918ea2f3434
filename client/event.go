package client

import (
	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

// A Message is one publication in a channel.
type Message = pubsub.Message

// A Gap says that messages between two positions cannot be had any more, and why. From is
// where the subscription stood, To where it goes on: reload what you show from your backend,
// then apply what follows.
type Gap = pubsub.Gap

// An Event of a subscription is either a Message or a Gap.
type Event struct {
	Message *Message
	Gap     *Gap
}

// size is what an event counts in a queue, in bytes.
func (e *Event) size() int {
	if e.Message == nil {
		return 256
	}
	return e.Message.Size()
}

// A Transport is a way in which messages come.
type Transport = raw.Transport

// The transports, the best first.
const (
	WebSocket  = raw.WebSocket  // RFC 6455
	SSE        = raw.SSE        // server-sent events
	HTTPStream = raw.HTTPStream // lines of JSON in one endless answer
	LongPoll   = raw.LongPoll   // requests that the server holds until there is something
	Poll       = raw.Poll       // requests that are answered at once
)
