package client

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

// Options of a client. The zero value works.
type Options struct {
	// Token returns a JWT that the server takes, and is asked again before it expires and when
	// the server says that it has. It may block; an error is retried. Default: none, the client
	// is anonymous. See [FixedToken].
	Token func(ctx context.Context, why Reason) (string, error)

	// APIKey makes Publish and History speak as a backend. Default: none, as a client.
	APIKey string

	// Backend makes them speak as a backend without a key, which a server in development takes
	// from anyone. Default: whether there is an APIKey.
	Backend bool

	// ClientID names the client, 1 to 64 of A-Z a-z 0-9 _ -. Default: a random one.
	ClientID string

	// Transports that may be used. Default: all.
	Transports []Transport

	// Interval between plain polls. Default: 1 s.
	Interval time.Duration

	// Patience is how long Publish and History go on trying, at most 4 min: the server knows an
	// idempotency key for five. Default: 30 s.
	Patience time.Duration

	// MaxEvent bounds one event as it is sent, and one poll's answer, in bytes. Default: 4 MiB.
	MaxEvent int

	// HTTPClient sends the requests. It must have no Timeout, since streams would end with it.
	// WebSockets take the dialer and TLS settings of its Transport if that is an
	// *http.Transport. Default: one that follows no redirects, which would carry the token
	// elsewhere.
	HTTPClient *http.Client

	// OnState is told of each change of the connection. It must return soon and not call the
	// client. Default: nobody is.
	OnState func(State)

	// OnRetry is told why Publish or History tries again, and after which time. Default: nobody is.
	OnRetry func(reason error, after time.Duration)
}

const (
	defaultPatience = 30 * time.Second
	maxPatience     = pubsub.IdempotencyWindow - time.Minute
)

func (o Options) withDefaults() Options {
	if o.ClientID == "" {
		o.ClientID = rand.Text()
	}
	if len(o.Transports) == 0 {
		o.Transports = raw.Transports()
	}
	o.Transports = slices.Sorted(slices.Values(o.Transports))
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	o.Patience = min(o.Patience, maxPatience)
	o.Backend = o.Backend || o.APIKey != ""
	if o.OnState == nil {
		o.OnState = func(State) {}
	}
	if o.OnRetry == nil {
		o.OnRetry = func(error, time.Duration) {}
	}
	return o
}
