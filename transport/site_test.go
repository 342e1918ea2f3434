package transport_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/transport"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// A site is a server with everything behind it, and a client in front.
type site struct {
	t      testing.TB
	broker *outage
	bridge *bridge.Bridge
	server *transport.Server
	url    string
	http   *http.Client
	trust  *tls.Config // of a secure site
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	seen   *ledger

	portable bool
}

// A setup is what a test wants otherwise.
type setup struct {
	transport.Options
	bridge bridge.Options
	broker membroker.Options
	pipes  bool // connections are pipes, for virtual time
	secure bool // TLS, over which requests are HTTP/2
}

func open(t testing.TB, s setup) *site {
	t.Helper()
	site := &site{t: t, seen: &ledger{}}
	site.broker = &outage{Broker: membroker.New(s.broker)}
	site.bridge = bridge.New(site.broker, s.bridge)
	if err := site.bridge.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s.Authenticate == nil {
		s.Authenticate = authenticate
	}
	s.Observer = site.seen
	s.Portable = os.Getenv("PORTABLE") != ""
	site.portable = s.Portable
	site.server = transport.New(site.bridge, s.Options)

	mux := http.NewServeMux()
	mux.HandleFunc("/v1/ws", site.server.WebSocket)
	mux.HandleFunc("/v1/poll", site.server.Poll)
	mux.HandleFunc("/v1/sse", site.server.SSE)
	mux.HandleFunc("/v1/http-stream", site.server.HTTPStream)
	mux.HandleFunc("/v1/send", site.server.Send)
	mux.HandleFunc("/v1/streams/{id}", site.server.Stream)
	hs := httptest.NewUnstartedServer(site.server.CheckOrigin(mux))
	if s.pipes {
		l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		hs.Listener.Close()
		hs.Listener, site.dial = site.server.Front(l, hs.Config.Handler, transport.Short{}), l.dial
		hs.Start()
		site.url = "http://pipe"
	} else {
		hs.Listener = site.server.Front(hs.Listener, hs.Config.Handler, transport.Short{})
		if s.secure {
			hs.EnableHTTP2 = true
			hs.StartTLS()
			site.trust = hs.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		} else {
			hs.Start()
		}
		site.url, site.dial = hs.URL, (&net.Dialer{}).DialContext
	}
	tr := &http.Transport{DialContext: site.dial, DisableCompression: true, TLSClientConfig: site.trust, ForceAttemptHTTP2: s.secure}
	site.http = &http.Client{Transport: tr}
	t.Cleanup(func() {
		if err := site.server.Close(); err != nil {
			t.Error(err)
		}
		tr.CloseIdleConnections()
		hs.Config.Close()
		hs.Close()
		if err := site.bridge.Close(); err != nil {
			t.Error(err)
		}
	})
	return site
}

// authenticate knows: "" may use open:…; "ann" and "bob" everything; "reader" only subscribe;
// "joiner" as ann, with two channels; "soon" as ann for 40 s; "later" as ann for an hour.
func authenticate(token string) (transport.Identity, error) {
	all := func(transport.Operation, pubsub.Channel) bool { return true }
	id := transport.Identity{User: token, May: all}
	switch token {
	case "":
		id.May = func(_ transport.Operation, c pubsub.Channel) bool { return c.Namespace() == "open" }
	case "ann", "bob":
	case "reader":
		id.May = func(op transport.Operation, c pubsub.Channel) bool { return op == transport.Subscribe && c != "secret" }
	case "joiner":
		id.Channels = []pubsub.Channel{"one", "two"}
	case "soon", "later", "narrow":
		id.User, id.Expires = "ann", time.Now().Add(40*time.Second)
		if token != "soon" {
			id.Expires = time.Now().Add(time.Hour)
		}
		if token == "narrow" {
			id.May = func(_ transport.Operation, c pubsub.Channel) bool { return c == "a" }
		}
	case "old":
		return transport.Identity{}, transport.ErrTokenExpired
	default:
		return transport.Identity{}, fmt.Errorf("no token of ours: %w", transport.ErrTokenInvalid)
	}
	return id, nil
}

func (s *site) publish(c pubsub.Channel, data string) *pubsub.Message {
	s.t.Helper()
	return s.publishData(c, pubsub.Data{Kind: pubsub.JSON, Bytes: []byte(data)})
}

func (s *site) publishData(c pubsub.Channel, d pubsub.Data) *pubsub.Message {
	s.t.Helper()
	r, err := s.bridge.Publish(context.Background(), pubsub.Publication{Channel: c, Event: "e", Data: d})
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Message
}

// request sends a request; what is not "" of header is NAME: VALUE.
func (s *site) request(method, path, body string, header ...string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { res.Body.Close() })
	return res
}

func (s *site) read(res *http.Response) []byte {
	s.t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// poll sends a poll that must be answered 200.
func (s *site) poll(query string) wire.Answer {
	s.t.Helper()
	res := s.request("GET", "/v1/poll?token=ann&"+query, "")
	body := s.read(res)
	if res.StatusCode != 200 {
		s.t.Fatalf("poll: %d %s", res.StatusCode, body)
	}
	a, err := wire.ParseAnswer(body)
	if err != nil {
		s.t.Fatalf("poll: %v in %s", err, body)
	}
	return a
}

// payloads returns the data of messages.
func payloads(messages []*pubsub.Message) string {
	var b bytes.Buffer
	for i, m := range messages {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.Write(m.Data.Bytes)
	}
	return b.String()
}

// options let any token do anything until a time.
func options(expiry time.Time) transport.Options {
	return transport.Options{Authenticate: func(string) (transport.Identity, error) {
		all := func(transport.Operation, pubsub.Channel) bool { return true }
		return transport.Identity{User: "ann", Expires: expiry, May: all}, nil
	}}
}
