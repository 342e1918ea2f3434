// Package bench measures the hot path from outside, through the seams that users have: HTTP, and
// the bridge as a library. What is smaller than that (a frame, a command, the encoding of a
// message, a log) is measured in its own package; run.sh lists them all.
package bench

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/wsbridge/wsbridge/api"
	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/transport"
)

// data is what is published: 128 bytes of JSON.
var data = []byte(`{"order":42,"state":"paid","total":"19.90","note":"` + string(bytes.Repeat([]byte("x"), 75)) + `"}`)

// openBridge returns a bridge over the embedded broker, until the benchmark is over.
func openBridge(b *testing.B) *bridge.Bridge {
	br := bridge.New(membroker.New(membroker.Options{}), bridge.Options{})
	if err := br.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { br.Close() })
	b.ReportAllocs()
	return br
}

// A site is the whole server: its handler, and the same on a port.
type site struct {
	*bridge.Bridge
	handler http.Handler
	addr    string
	secure  bool
}

func openSite(b *testing.B) *site { return serve(b, false) }

// openSecureSite opens one that speaks TLS.
func openSecureSite(b *testing.B) *site { return serve(b, true) }

func serve(b *testing.B, secure bool) *site {
	br := openBridge(b)
	clients := transport.New(br, transport.Options{
		Authenticate: func(string) (transport.Identity, error) {
			return transport.Identity{May: func(transport.Operation, pubsub.Channel) bool { return true }}, nil
		},
	})
	s := &site{Bridge: br, secure: secure, handler: api.New(api.Options{Bridge: br, Transport: clients, Anyone: true})}
	hs := httptest.NewUnstartedServer(s.handler)
	hs.Listener = clients.Front(hs.Listener, s.handler, api.Short)
	if secure {
		hs.StartTLS()
	} else {
		hs.Start()
	}
	s.addr = hs.Listener.Addr().String()
	b.Cleanup(func() {
		clients.Close()
		hs.CloseClientConnections()
		hs.Close()
	})
	return s
}

// socketURL is where a WebSocket is subscribed to channels.
func (s *site) socketURL(channels string) string {
	scheme := "ws"
	if s.secure {
		scheme = "wss"
	}
	return scheme + "://" + s.addr + "/v1/ws?channels=" + channels
}

func (s *site) publish(b *testing.B, c pubsub.Channel) {
	if _, err := s.Publish(context.Background(), publication(c)); err != nil {
		b.Error(err)
	}
}

func publication(c pubsub.Channel) pubsub.Publication {
	return pubsub.Publication{Channel: c, Data: pubsub.Data{Kind: pubsub.JSON, Bytes: data}}
}

// A conn is a connection that costs its side little, so that what is measured is the server.
type conn struct {
	b *testing.B
	net.Conn
	r    *bufio.Reader
	body bytes.Buffer
}

func (s *site) dial(b *testing.B) *conn {
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return &conn{b: b, Conn: c, r: bufio.NewReader(c)}
}

func (c *conn) send(request []byte) {
	if _, err := c.Write(request); err != nil {
		c.b.Error(err)
	}
}

// answer reads an answer with this status. Its body is good until the next one.
func (c *conn) answer(status int) []byte {
	a, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.b.Error(err)
		return nil
	}
	c.body.Reset()
	if _, err := io.Copy(&c.body, a.Body); err != nil || a.StatusCode != status {
		c.b.Errorf("%s, %v: %s", a.Status, err, &c.body)
	}
	return c.body.Bytes()
}

// deaf is a consumer that pulls when it likes.
type deaf struct{}

func (deaf) Wake()         {}
func (deaf) Stopped(error) {}
