package transport_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/transport"
	"github.com/wsbridge/wsbridge/transport/websocket"
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
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	seen   *ledger
}

// A setup is what a test wants otherwise.
type setup struct {
	transport.Options
	bridge bridge.Options
	broker membroker.Options
	pipes  bool // connections are pipes, for virtual time
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
	site.server = transport.New(site.bridge, s.Options)

	mux := http.NewServeMux()
	mux.HandleFunc("/v1/ws", site.server.WebSocket)
	mux.HandleFunc("/v1/poll", site.server.Poll)
	mux.HandleFunc("/v1/sse", site.server.SSE)
	mux.HandleFunc("/v1/http-stream", site.server.HTTPStream)
	mux.HandleFunc("/v1/send", site.server.Send)
	hs := httptest.NewUnstartedServer(site.server.CheckOrigin(mux))
	if s.pipes {
		l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		hs.Listener.Close()
		hs.Listener, site.dial = l, l.dial
		hs.Start()
		site.url = "http://pipe"
	} else {
		hs.Start()
		site.url, site.dial = hs.URL, (&net.Dialer{}).DialContext
	}
	tr := &http.Transport{DialContext: site.dial, DisableCompression: true}
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

// A line is one open stream, whichever transport, and what comes over it.
type line interface {
	next() wire.Event // fails the test when the line ends
}

// An sseLine reads server-sent events.
type sseLine struct {
	s  *site
	r  *bufio.Reader
	id string // of the last event
	// raw is the text of the last event
	raw string
}

func (s *site) sse(query string, header ...string) *sseLine {
	s.t.Helper()
	res := s.stream("/v1/sse?token=ann&"+query, header...)
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		s.t.Fatalf("content type %q", got)
	}
	return &sseLine{s: s, r: bufio.NewReader(res.Body)}
}

func (s *site) stream(path string, header ...string) *http.Response {
	s.t.Helper()
	res := s.request("GET", path, "", header...)
	if res.StatusCode != 200 {
		s.t.Fatalf("%s: %d %s", path, res.StatusCode, s.read(res))
	}
	return res
}

func (l *sseLine) next() wire.Event {
	l.s.t.Helper()
	var name, data string
	l.raw = ""
	for {
		text, err := l.r.ReadString('\n')
		if err != nil {
			l.s.t.Fatalf("sse: %v", err)
		}
		l.raw += text
		switch field, value, _ := strings.Cut(strings.TrimSuffix(text, "\n"), ": "); field {
		case "event":
			name = value
		case "id":
			l.id = value
		case "data":
			data = value
		case "":
			if value == "heartbeat" {
				name, data = "heartbeat", "{}"
				continue
			}
			e, err := wire.ParseSSE(name, []byte(data))
			if err != nil {
				l.s.t.Fatalf("sse: %v in %q", err, l.raw)
			}
			return e
		}
	}
}

// An objectLine reads an HTTP stream.
type objectLine struct {
	s *site
	r *bufio.Reader
}

func (s *site) httpStream(query string) *objectLine {
	s.t.Helper()
	res := s.stream("/v1/http-stream?token=ann&" + query)
	if got := res.Header.Get("Content-Type"); got != "application/x-ndjson" {
		s.t.Fatalf("content type %q", got)
	}
	return &objectLine{s, bufio.NewReader(res.Body)}
}

func (l *objectLine) next() wire.Event {
	l.s.t.Helper()
	text, err := l.r.ReadBytes('\n')
	if err != nil {
		l.s.t.Fatalf("http stream: %v", err)
	}
	e, err := wire.ParseEvent(text)
	if err != nil {
		l.s.t.Fatalf("http stream: %v in %s", err, text)
	}
	return e
}

// A socketLine is a WebSocket.
type socketLine struct {
	s    *site
	conn *websocket.Conn
}

func (s *site) webSocket(query string, o *websocket.DialOptions) *socketLine {
	s.t.Helper()
	if o == nil {
		o = &websocket.DialOptions{}
	}
	o.NetDial = s.dial
	conn, _, err := websocket.Dial(context.Background(), "ws"+strings.TrimPrefix(s.url, "http")+"/v1/ws?"+query, o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.CloseNow() })
	return &socketLine{s, conn}
}

func (l *socketLine) send(format string, args ...any) {
	l.s.t.Helper()
	if err := l.conn.WriteMessage(websocket.OpText, fmt.Appendf(nil, format, args...)); err != nil {
		l.s.t.Fatal(err)
	}
}

func (l *socketLine) read() (wire.Event, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	op, text, err := l.conn.ReadMessage(ctx, nil)
	if err != nil {
		return wire.Event{}, err
	}
	if op == websocket.OpBinary {
		return wire.ParseFrame(text)
	}
	return wire.ParseEvent(text)
}

func (l *socketLine) next() wire.Event {
	l.s.t.Helper()
	e, err := l.read()
	if err != nil {
		l.s.t.Fatalf("websocket: %v", err)
	}
	return e
}

// raw returns the connection, to be used around the codec: nothing is answered any more. It
// is for virtual time only.
func (l *socketLine) raw() net.Conn {
	nc := l.conn.NetConn()
	synctest.Wait() // the context of the last read has set its deadline
	nc.SetReadDeadline(time.Time{})
	return nc
}

// closed waits for the end and returns its code and reason.
func (l *socketLine) closed() (code int, reason string) {
	l.s.t.Helper()
	for {
		_, err := l.read()
		var closed *websocket.CloseError
		switch {
		case err == nil:
		case errors.As(err, &closed):
			return int(closed.Code), closed.Reason
		default:
			l.s.t.Fatalf("websocket: %v, want a close frame", err)
		}
	}
}

// expect fails unless the next event is of that type, and returns it.
func expect(l line, kind string) wire.Event {
	e := l.next()
	t := testing.TB(nil)
	switch l := l.(type) {
	case *sseLine:
		t = l.s.t
	case *objectLine:
		t = l.s.t
	case *socketLine:
		t = l.s.t
	}
	t.Helper()
	if e.Type != kind {
		t.Fatalf("got %+v, want %s", e, kind)
	}
	return e
}

// An outage is a broker that can be away.
type outage struct {
	pubsub.Broker
	down atomic.Bool
}

func (o *outage) Status() pubsub.Status {
	if o.down.Load() {
		return pubsub.Status{State: pubsub.Down}
	}
	return o.Broker.Status()
}

func (o *outage) Publish(ctx context.Context, p pubsub.Publication) (pubsub.Receipt, error) {
	if o.down.Load() {
		return pubsub.Receipt{}, pubsub.ErrUnavailable
	}
	return o.Broker.Publish(ctx, p)
}

func (o *outage) Read(ctx context.Context, c pubsub.Channel, since pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	if o.down.Load() {
		return pubsub.Page{}, pubsub.ErrUnavailable
	}
	return o.Broker.Read(ctx, c, since, limit)
}

func (o *outage) Follow(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	if o.down.Load() {
		return pubsub.Position{}, pubsub.ErrUnavailable
	}
	return o.Broker.Follow(ctx, c)
}

// A ledger is an observer that writes everything down.
type ledger struct {
	mu        sync.Mutex // guards what follows
	opened    map[string]int
	closed    map[string]int // by "transport code"
	refused   map[string]int // by "transport code"
	delivered map[string]int
}

func count(m *map[string]int, n int, words ...any) {
	if *m == nil {
		*m = make(map[string]int)
	}
	(*m)[strings.TrimSuffix(fmt.Sprintln(words...), "\n")] += n
}

func (l *ledger) Opened(transport string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count(&l.opened, 1, transport)
}

func (l *ledger) Closed(transport string, code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count(&l.closed, 1, transport, code)
}

func (l *ledger) Refused(transport, code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count(&l.refused, 1, transport, code)
}

func (l *ledger) Delivered(transport string, messages int, oldest time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count(&l.delivered, messages, transport)
}

// await waits until read gives at least want.
func (s *site) await(what string, want int, read func(*ledger) int) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		s.seen.mu.Lock()
		got := read(s.seen)
		s.seen.mu.Unlock()
		if got >= want {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: %d, want %d; %+v", what, got, want, s.seen)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *site) awaitClosed(transport string, code int) {
	s.t.Helper()
	key := fmt.Sprint(transport, " ", code)
	s.await("closed "+key, 1, func(l *ledger) int { return l.closed[key] })
}

// A pipeListener accepts one end of a pipe for each dial. A pipe holds nothing: whoever does
// not read blocks the writer.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- addressed{theirs}:
		return ours, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return loopback }

var loopback = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}

// An addressed pipe has an address like a socket.
type addressed struct{ net.Conn }

func (addressed) RemoteAddr() net.Addr { return loopback }

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
