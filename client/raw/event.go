package raw

import "github.com/wsbridge/wsbridge/transport/wire"

// An Event is what came on a line. Message and Gap say by themselves that it is one; for
// the others see the types below.
//
// Polls know neither welcome nor heartbeat: a line gives a welcome in front of the first
// answer, and a heartbeat behind each, with the answer's Cursor, More and Retry.
type Event = wire.Event

// Types of an [Event].
const (
	Welcome      = wire.EventWelcome      // Client, User, Heartbeat; Cursor where the transport has one
	Subscribed   = wire.EventSubscribed   // Channel, Pos; on a WebSocket
	Unsubscribed = wire.EventUnsubscribed // Channel, Code; on a WebSocket
	Message      = wire.EventMessage
	Gap          = wire.EventGap
	Heartbeat    = wire.EventHeartbeat
	Failed       = wire.EventError // Ref, Channel, Code, Detail; on a WebSocket
)
