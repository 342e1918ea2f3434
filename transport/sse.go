package transport

import (
	"net/http"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// SSE serves /v1/sse, server-sent events.
func (s *Server) SSE(w http.ResponseWriter, r *http.Request) { s.serveStream(w, r, &sseForm) }

// The id of each event is the cursor over all channels of the client, since a browser shows
// only the last one when it comes back.
var sseForm = streamForm{
	transport:   "sse",
	contentType: "text/event-stream",
	heartbeat:   wire.HeartbeatSSE,
	welcome: func(dst []byte, client, user string, heartbeat time.Duration, cursor pubsub.Cursor) []byte {
		return wire.AppendWelcomeSSE(wire.AppendIDSSE(dst, cursor), client, user, heartbeat)
	},
	message: func(dst []byte, d *bridge.Delivery, cursor pubsub.Cursor) []byte {
		return d.Append(wire.AppendIDSSE(dst, cursor), formSSE, wire.AppendMessageSSE)
	},
	gap: func(dst []byte, g *pubsub.Gap, cursor pubsub.Cursor) []byte {
		return wire.AppendGapSSE(wire.AppendIDSSE(dst, cursor), g)
	},
	close: wire.AppendCloseSSE,
}
