package client

import (
	"bytes"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"
	"time"
)

// A network is made of pipes, so that time can be virtual. Behind each name listens a server.
type network struct {
	mu      sync.Mutex // guards what follows
	servers map[string]*pipeListener
	line    func(net.Conn) net.Conn // what becomes of each of the client's connections; nil: nothing
	dialled int                     // by clients
}

func newNetwork() *network { return &network{servers: make(map[string]*pipeListener)} }

// listen serves at a name, until the test is over or stop is called.
func (n *network) listen(t *testing.T, name string, h http.Handler) (stop func()) {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	n.mu.Lock()
	n.servers[name] = l
	n.mu.Unlock()
	hs := &http.Server{Handler: h}
	go hs.Serve(l)
	stop = func() { l.Close(); hs.Close() }
	t.Cleanup(stop)
	return stop
}

func (n *network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	l := n.servers[strings.TrimSuffix(strings.TrimSuffix(addr, ":80"), ":443")]
	n.mu.Unlock()
	if l == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: io.ErrUnexpectedEOF}
	}
	return l.dial(ctx)
}

// client returns a client of the network, whose connections pass what stands in line.
func (n *network) client(t *testing.T) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := n.dial(ctx, network, addr)
		n.mu.Lock()
		n.dialled++
		line := n.line
		n.mu.Unlock()
		if err == nil && line != nil {
			conn = line(conn)
		}
		return conn, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// past returns a client that goes past everything between.
func (n *network) past(t *testing.T) *http.Client {
	transport := &http.Transport{DialContext: n.dial}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// pass has all connections from now on pass f.
func (n *network) pass(f func(net.Conn) net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.line = f
}

// A pipeListener accepts one end of a pipe for each dial.
type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: net.ErrClosed}
	select {
	case <-l.done:
		return nil, refused
	default:
	}
	select {
	case l.conns <- addressed{theirs}:
		return ours, nil
	case <-l.done:
		return nil, refused
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

// cutAfter ends each connection after a while.
func cutAfter(d time.Duration) func(net.Conn) net.Conn {
	return func(c net.Conn) net.Conn {
		return &timed{Conn: c, timer: time.AfterFunc(d, func() { c.Close() })}
	}
}

// endIdle ends each connection on which nothing went either way for a while.
func endIdle(d time.Duration) func(net.Conn) net.Conn {
	return func(c net.Conn) net.Conn {
		return &timed{Conn: c, timer: time.AfterFunc(d, func() { c.Close() }), idle: d}
	}
}

// A timed connection is closed by its timer.
type timed struct {
	net.Conn
	timer *time.Timer
	idle  time.Duration // begins anew whenever something went; 0: it does not
}

func (c *timed) passed(n int, err error) (int, error) {
	if n > 0 && c.idle > 0 {
		c.timer.Reset(c.idle)
	}
	return n, err
}

func (c *timed) Read(b []byte) (int, error)  { return c.passed(c.Conn.Read(b)) }
func (c *timed) Write(b []byte) (int, error) { return c.passed(c.Conn.Write(b)) }
func (c *timed) Close() error                { c.timer.Stop(); return c.Conn.Close() }

// A middlebox is a proxy between clients and a server that knows its HTTP, and not more.
type middlebox struct {
	refuseWebSocket bool          // with a page of its own
	muteWebSocket   bool          // the handshake passes, and nothing else
	slow            time.Duration // until a handshake is passed on
	whole           bool          // answers are passed on once they are complete
	begun           bool          // of an answer that does not end only the beginning is passed on

	to    string // the server
	net   *network
	mu    sync.Mutex
	asked map[string]int // paths
}

func (n *network) middlebox(t *testing.T, name string, m *middlebox) {
	m.net, m.asked = n, make(map[string]int)
	n.listen(t, name, m)
}

func (m *middlebox) count(path string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[path]
}

func (m *middlebox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.asked[r.URL.Path]++
	m.mu.Unlock()
	if r.Header.Get("Upgrade") != "" {
		m.upgrade(w, r)
		return
	}
	// A body that is passed on while the answer comes already may break the connection.
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	transport := &http.Transport{DialContext: m.net.dial, DisableKeepAlives: true}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", m.to
		},
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			io.WriteString(w, "<html>the server is away")
		},
		ModifyResponse: func(resp *http.Response) error {
			if m.whole {
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				resp.Body = io.NopCloser(strings.NewReader(string(body)))
				return err
			}
			if m.begun && resp.ContentLength < 0 {
				resp.Body = &beginning{ReadCloser: resp.Body, ctx: r.Context()}
			}
			return nil
		},
	}
	proxy.ServeHTTP(w, r)
}

func (m *middlebox) upgrade(w http.ResponseWriter, r *http.Request) {
	if m.refuseWebSocket || m.whole {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, "<html>WebSocket is not allowed here")
		return
	}
	time.Sleep(m.slow)
	server, err := m.net.dial(r.Context(), "tcp", m.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	r.Host = m.to
	go func() {
		r.Write(server)
		io.Copy(server, rw.Reader)
		server.Close()
	}()
	if !m.muteWebSocket {
		io.Copy(client, server)
		return
	}
	head := make([]byte, 4096)
	n, _ := server.Read(head) // the answer to the handshake is one write
	client.Write(head[:n])
	io.Copy(io.Discard, server)
}

// A beginning passes on what is read first, and then nothing until the client leaves.
type beginning struct {
	io.ReadCloser
	ctx  context.Context
	read bool
}

func (b *beginning) Read(p []byte) (int, error) {
	if b.read {
		<-b.ctx.Done()
		return 0, b.ctx.Err()
	}
	b.read = true
	return b.ReadCloser.Read(p)
}

func (n *network) dials() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dialled
}
