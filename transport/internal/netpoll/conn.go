package netpoll

import (
	"errors"
	"net"
)

// A Conn is one connection of a [Poller].
type Conn interface {
	// Start lets input come. It is called once, when the handler is ready for it, and once more
	// after Hand.
	Start() error

	// Write takes bytes from the front of p and returns how many, without ever waiting. When
	// it took fewer than all, Handler.Writable is called once there is room again. The error,
	// if any, is for good.
	Write(p []byte) (n int, err error)

	// Resume goes on with input after Handler.Input has returned false, on the caller's
	// goroutine: it may call Input, or Gone, before it returns.
	Resume()

	// Shutdown ends writing once all that Write took is on its way: the peer sees the end
	// of the stream, and can still send.
	Shutdown()

	// Hold holds the input back as if Input had returned false, and waits until a call of Input
	// that is under way has returned. The caller is not within Input. A peer that sends without a
	// pause has Input called again and again; so Hold returns as well when held reports that Input
	// returns false. The error says that the connection was closed.
	Hold(held func() bool) error

	// Release makes a net.Conn of the connection again, and leaves it open. Its input is held
	// back. rest is what was read and not given to Input. Handler is not called any more when it
	// has returned.
	Release() (nc net.Conn, rest []byte, err error)

	// Hand gives the connection to another handler, for which it is as new. Its input is held
	// back, and the handler before waits for no room.
	Hand(Handler)

	// Close ends the connection at once and frees what it holds. It may be called twice.
	Close()

	// RemoteAddr is the other end's address.
	RemoteAddr() net.Addr
}

// A Handler is told what happens on a connection.
type Handler interface {
	// Input is given what came. The bytes are the handler's to change until it returns. When
	// it returns false, nothing more comes before Conn.Resume was called.
	Input(p []byte) (more bool)

	// Writable is called when there is room again after a Write that took too little. It may
	// be called once too often.
	Writable()

	// Gone is called once when the peer has closed its end, with io.EOF, or when the
	// connection has failed. It is the last call. The connection still has to be closed.
	Gone(err error)
}

// ErrClosed is what a Conn returns after Close.
var ErrClosed = errors.New("netpoll: the connection was closed")

// ErrUnsupported is what Listen returns where connections have to be accepted by somebody else.
var ErrUnsupported = errors.New("netpoll: the system's poller does not watch what comes")

// Options of a Poller. The zero value works.
type Options struct {
	// Loops is how many goroutines wait for connections. Default: one for each processor.
	Loops int

	// Portable makes all connections be read by goroutines of their own, as those are that
	// the system's poller cannot watch.
	Portable bool
}

// readSize is how much is read from a connection at once.
const readSize = 64 << 10
