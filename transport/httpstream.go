package transport

import (
	"net/http"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// HTTPStream serves /v1/http-stream, lines of JSON.
func (s *Server) HTTPStream(w http.ResponseWriter, r *http.Request) { s.serveStream(w, r, &lineForm) }

// A line says only which channels moved, so that it is the same for all clients.
var lineForm = streamForm{
	transport:   "http-stream",
	contentType: "application/x-ndjson",
	heartbeat:   wire.HeartbeatLine,
	welcome:     wire.AppendWelcomeLine,
	message: func(dst []byte, d *bridge.Delivery, _ pubsub.Cursor) []byte {
		return d.Append(dst, formLine, wire.AppendMessageLine)
	},
	gap: func(dst []byte, g *pubsub.Gap, _ pubsub.Cursor) []byte {
		return wire.AppendGapLine(dst, g)
	},
	close: wire.AppendCloseLine,
}
