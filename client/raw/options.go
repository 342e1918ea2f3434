package raw

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// Options say where a server is and what is wanted of it. Only URL is needed.
type Options struct {
	// URL of the server, http or https (ws and wss mean the same). A path is a prefix of the
	// server's own paths. A query goes onto every request.
	URL string

	Transport Transport

	// Token is the JWT of the client. Default: none, the client is anonymous.
	Token string

	// Channels to subscribe. Default: those of Cursor, else those of the token.
	Channels []pubsub.Channel

	// Cursor is where to begin. Channels that are not in it begin now.
	Cursor pubsub.Cursor

	// ClientID names the client, 1 to 64 of A-Z a-z 0-9 _ -. Default: a random one.
	ClientID string

	// Get shows everything in the query and headers of a GET, as an EventSource has to.
	// Default: SSE, HTTP stream and polls are asked for by POST.
	Get bool

	// Wait is how long the server holds a long poll, up to 55 s. Default: 25 s.
	Wait time.Duration

	// Interval between the answer of a poll and the next one, for the transport Poll.
	// Default: 1 s.
	Interval time.Duration

	// Limit is how many messages one poll's answer has at most, up to 1,000. Default: 100.
	Limit int

	// MaxEvent bounds one event as it is sent, and one poll's answer, in bytes. Default: 4 MiB.
	MaxEvent int

	// Deflate offers compression on WebSockets. Default: none.
	Deflate *websocket.DeflateOptions

	// HTTPClient sends the requests. It must have no Timeout shorter than Wait; streams end
	// with it. WebSockets take the dialer and TLS settings of its Transport if that is an
	// *http.Transport. Default: a client of its own for each line, which follows no redirects,
	// since they would carry the token elsewhere.
	HTTPClient *http.Client

	// APIKey makes Ask speak as a backend. Default: none.
	APIKey string

	// Unchecked gives events as they come. Whoever lets lines overlap has to tell by itself
	// which come twice, and a proxy may have changed headers. Default: see [Open].
	Unchecked bool
}

const (
	defaultInterval = time.Second
	defaultMaxEvent = 4 << 20
)

func (o Options) withDefaults() Options {
	if o.ClientID == "" {
		o.ClientID = rand.Text()
	}
	if o.Wait == 0 {
		o.Wait = wire.DefaultWait
	}
	if o.Interval == 0 {
		o.Interval = defaultInterval
	}
	if o.Limit == 0 {
		o.Limit = wire.DefaultLimit
	}
	if o.MaxEvent == 0 {
		o.MaxEvent = defaultMaxEvent
	}
	return o
}

// http returns the client for a line, and what to do when it is over.
func (o *Options) http() (c *http.Client, done func()) {
	if o.HTTPClient != nil {
		return o.HTTPClient, func() {}
	}
	c = NewHTTPClient()
	return c, c.CloseIdleConnections
}

// NewHTTPClient returns a client that follows no redirects, since they would carry the token
// elsewhere, and shares no connections with others.
func NewHTTPClient() *http.Client {
	return &http.Client{
		Transport:     http.DefaultTransport.(*http.Transport).Clone(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// endpoint returns the URL of a path of the server, for HTTP or, if socket, for a WebSocket.
func (o *Options) endpoint(path string, socket bool) (*url.URL, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("raw: %w", err)
	}
	scheme := map[string]string{"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}[u.Scheme]
	if scheme == "" || u.Host == "" {
		return nil, fmt.Errorf("raw: %q is no URL of a server, such as https://bridge.example.com", u.Redacted())
	}
	if !socket {
		scheme = strings.Replace(scheme, "ws", "http", 1)
	}
	u.Scheme = scheme
	return u.JoinPath(path), nil
}

// Check reports what is wrong with the URL.
func (o *Options) Check() error {
	_, err := o.endpoint("/", false)
	return err
}
