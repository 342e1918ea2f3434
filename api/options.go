package api

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/transport"
)

// DefaultMaxMessage is the largest payload of a message when [Options] say nothing, in bytes.
const DefaultMaxMessage = 256 << 10

// Options of the API. Bridge and Transport are needed; the zero value of the others works.
type Options struct {
	Bridge    *bridge.Bridge
	Transport *transport.Server

	// Keys reports whether an API key is good, in constant time. nil: none is.
	Keys func(presented string) bool

	// Anyone lets backends in without a key, as --dev does. Their endpoints then take
	// requests of web pages into account, and refuse those of foreign origins.
	Anyone bool

	// Sign makes a client's token. nil: /v1/tokens answers not_supported.
	Sign func(c auth.Claims, ttl time.Duration) (token string, expires time.Time, err error)

	MaxMessage  int           // bytes of a message's payload; 0: [DefaultMaxMessage]
	MaxBatch    int64         // bytes of a batch's body; 0: 16 MiB, or what two of the largest messages take
	MaxStream   int64         // bytes of a stream; 0: any length
	StreamIdle  time.Duration // how long the sender of a stream may send nothing; 0: 1 minute
	BodyTimeout time.Duration // how long the body of a request may take to arrive; 0: 1 minute

	// Ready tells whether the server should be sent requests, and its status: "ok" or
	// "degraded", or if not ready "starting", "draining" or "unavailable". nil: always "ok".
	Ready func() (ready bool, status string)

	// Starting reports that the bridge has not started yet: requests that need it are refused.
	// nil: it has.
	Starting func() bool

	// Page serves / and what is below /page/. nil: nothing is there.
	Page http.Handler

	// OnPublish is called for each publication with what became of it: "stored",
	// "duplicate", or the code of the problem. nil: nothing.
	OnPublish func(result string)

	// Logger gets what the server did not expect, and each request at level debug, without
	// queries. nil: nothing is logged.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Keys == nil {
		o.Keys = func(string) bool { return false }
	}
	if o.MaxMessage == 0 {
		o.MaxMessage = DefaultMaxMessage
	}
	if o.BodyTimeout == 0 {
		o.BodyTimeout = time.Minute
	}
	if o.StreamIdle == 0 {
		o.StreamIdle = time.Minute
	}
	if o.Ready == nil {
		o.Ready = func() (bool, string) { return true, "ok" }
	}
	if o.Starting == nil {
		o.Starting = func() bool { return false }
	}
	if o.OnPublish == nil {
		o.OnPublish = func(string) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
