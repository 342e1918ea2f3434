package transport

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/wsbridge/wsbridge/transport/internal/netpoll"
)

// Front stands between the clients that connect to l and net/http. Requests that are short are
// served by a connection of the server's own (see httpline.go), through the same handler h of all
// requests but without what net/http spends on each. Front returns the listener of the
// connections over which something else comes: an http.Server with the handler h is to serve it,
// and closes l with it.
//
// Polls, commands and WebSockets are short, and what else is short.Is reports. h keeps neither a request nor its writer when it
// has returned. A poll that goes on with the session of the one before it does not come through
// h: it is answered with the header of that one, but for the X-Request-Id.
//
// Front is called once, before the first request comes, and the http.Server is closed before the
// Server. Without a front polls wait on goroutines, and everything else works as well.
func (s *Server) Front(l net.Listener, h http.Handler, short Short) net.Listener {
	f := &front{Listener: l, addr: l.Addr(), server: s, handler: h, short: short, conns: make(chan net.Conn), done: make(chan struct{})}
	f.exchanges.New = func() any { return f.exchange() }
	s.front = f
	if a, err := s.poller.Listen(l); err == nil {
		f.acceptor = a
		s.goroutines.Go(func() { f.end(a.Run(f.begin, f.failed)) })
	} else {
		s.goroutines.Go(f.forward) // which tells if l does not work any more
	}
	return f
}

// A Short says of requests that are short what only their handler knows. The zero value is good.
type Short struct {
	// Is reports whether a request carries little, and is answered at once and whole.
	Is func(*http.Request) bool

	// Blank returns what requests begin as that are served one after the other, and what makes
	// it ready for the next one: a router may have something with its context that is used again.
	Blank func(context.Context) (blank *http.Request, renew func())
}

// exchange returns a new one.
func (f *front) exchange() *exchange {
	x := newExchange((&http.Request{}).WithContext(f.server.ctx))
	if f.short.Blank != nil {
		x.blank, x.renew = f.short.Blank(f.server.ctx)
	}
	return x
}

// A front is the listener of net/http, and hands on what does not come by itself.
type front struct {
	net.Listener // of the clients
	addr         net.Addr
	acceptor     *netpoll.Acceptor // has taken the listener's place; nil: it cannot be watched
	server       *Server
	handler      http.Handler
	short        Short

	exchanges sync.Pool

	conns chan net.Conn
	once  sync.Once
	done  chan struct{} // closed with err set
	err   error
}

func (f *front) failed(err error) {
	f.server.options.Logger.Warn("a connection could not be accepted", "error", err)
}

// forward hands on all connections.
func (f *front) forward() {
	for {
		nc, err := f.Listener.Accept()
		if err != nil {
			f.end(err)
			return
		}
		f.give(nc)
	}
}

// begin makes a line of a connection.
func (f *front) begin(c netpoll.Conn, remote netip.AddrPort) netpoll.Handler {
	l := &httpLine{server: f.server, line: c, remote: remote.String()}
	l.idle.Func = l.timeUp
	if !f.server.lines.add(l) {
		c.Close()
		return nil
	}
	f.server.wheel.Schedule(&l.idle, headTimeout)
	return l
}

// give hands a connection on to net/http.
func (f *front) give(nc net.Conn) {
	select {
	case f.conns <- nc:
	case <-f.done:
		nc.Close()
	}
}

// Accept implements [net.Listener].
func (f *front) Accept() (net.Conn, error) {
	select {
	case nc := <-f.conns:
		return nc, nil
	case <-f.done:
		return nil, f.err
	}
}

func (f *front) end(err error) {
	f.once.Do(func() {
		f.err = err
		close(f.done)
	})
}

// Close implements [net.Listener].
func (f *front) Close() error {
	f.end(net.ErrClosed)
	if f.acceptor != nil {
		return f.acceptor.Close()
	}
	return f.Listener.Close()
}

// Addr implements [net.Listener].
func (f *front) Addr() net.Addr { return f.addr }

// isShort reports whether a line serves a request.
func (f *front) isShort(r *http.Request) bool {
	switch r.URL.Path {
	case "/v1/poll", "/v1/send":
		return r.Method == http.MethodGet || r.Method == http.MethodPost
	case "/v1/ws":
		return r.Method == http.MethodGet
	}
	return r.Header["Upgrade"] == nil && f.short.Is != nil && f.short.Is(r)
}

// A returnedConn is a connection with what was read from it.
type returnedConn struct {
	net.Conn
	in []byte
}

// Read gives what was read, first.
func (c *returnedConn) Read(p []byte) (int, error) {
	if len(c.in) > 0 {
		n := copy(p, c.in)
		if c.in = c.in[n:]; len(c.in) == 0 {
			c.in = nil
		}
		return n, nil
	}
	return c.Conn.Read(p)
}

// plainConn returns the connection of which all that was read was given.
func plainConn(nc net.Conn) net.Conn {
	if c, ok := nc.(*returnedConn); ok && c.in == nil {
		return c.Conn
	}
	return nc
}
