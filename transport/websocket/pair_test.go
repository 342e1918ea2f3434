package websocket

import (
	"context"
	"net"
	"testing"
	"time"
)

// patience is how long a test waits for what must come. Passing takes far less.
const patience = 30 * time.Second

// pipePair returns both ends of a connection over net.Pipe. Their ends are closed with the test.
func pipePair(t testing.TB, server, client Config) (*Conn, *Conn) {
	t.Helper()
	a, b := net.Pipe()
	server.Side, client.Side = ServerSide, ClientSide
	s, c := NewConn(a, server), NewConn(b, client)
	t.Cleanup(func() { s.CloseNow(); c.CloseNow() })
	return s, c
}

// tcpPair is pipePair over loopback.
func tcpPair(t testing.TB, server, client Config) (*Conn, *Conn) {
	t.Helper()
	a, b := netPair(t)
	server.Side, client.Side = ServerSide, ClientSide
	return NewConn(a, server), NewConn(b, client)
}

// netPair returns both ends of a loopback TCP connection.
func netPair(t testing.TB) (net.Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed := make(chan net.Conn, 1)
	go func() {
		b, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			close(dialed)
			return
		}
		dialed <- b
	}()
	a, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	b, ok := <-dialed
	if !ok {
		t.Fatal("cannot dial")
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// within returns a context that ends after patience.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}
