package transport

import (
	"net"
	"net/http"
	"sync"
)

// KeepPolls lets the server hold polls that wait without a goroutine each. h is the handler of
// all requests. It returns a listener with the connections that have to go back to net/http: an
// http.Server with the same handler is to serve it. KeepPolls is called before the first request
// comes.
func (s *Server) KeepPolls(h http.Handler) net.Listener {
	s.handler = h
	s.returned = &returnedListener{conns: make(chan net.Conn), done: make(chan struct{})}
	return s.returned
}

// A returnedListener accepts what is given back.
type returnedListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *returnedListener) give(nc net.Conn) {
	select {
	case l.conns <- nc:
	case <-l.done:
		nc.Close()
	}
}

// Accept implements [net.Listener].
func (l *returnedListener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.conns:
		return nc, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (l *returnedListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr implements [net.Listener].
func (l *returnedListener) Addr() net.Addr { return returnedAddr{} }

type returnedAddr struct{}

func (returnedAddr) Network() string { return "tcp" }
func (returnedAddr) String() string  { return "returned" }

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
