package websocket

import (
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a [Conn], on either side. The zero value works.
type Options struct {
	// Limits of what the peer may send.
	Limits Limits
	// ReadBuffer is held by each connection from its first read on, in bytes. Default 4 KiB, at least 512. Payloads that
	// are longer are read past it, straight into the caller's memory.
	ReadBuffer int
	// WriteTimeout is the longest one write may take before the connection is given up. Default 10 s; negative: no limit.
	WriteTimeout time.Duration
	// CloseTimeout is how long the peer is waited for when closing. Default 5 s.
	CloseTimeout time.Duration
	// OnPong is called with the payload of each pong, which is good until it returns.
	OnPong func(payload []byte)
	// OnActivity is called whenever bytes came from the peer.
	//
	// Both are called by the goroutine that reads. They must not read, nor call Close.
	OnActivity func()
}

const (
	defaultReadBuffer   = 4 << 10
	minReadBuffer       = 512
	defaultWriteTimeout = 10 * time.Second
	defaultCloseTimeout = 5 * time.Second
)

// Config is what makes a [Conn] of a connection whose opening handshake is done.
type Config struct {
	Side        Side
	Subprotocol string
	Deflate     *DeflateParams  // agreed; nil: no compression
	Deflation   *DeflateOptions // how to compress own messages; nil: defaults
	Early       []byte          // bytes that came behind the handshake; copied
	Options     Options
}

// Conn is a WebSocket connection over any net.Conn.
//
// One goroutine at a time may read. Any number may write, ping and close; their frames do not mix. A Conn starts no
// goroutine of its own, so pings are answered and close frames seen only while someone reads.
type Conn struct {
	// Set before the first use.
	nc           net.Conn
	side         Side
	subprotocol  string
	deflate      *DeflateParams
	deflation    DeflateOptions
	writeTimeout time.Duration
	closeTimeout time.Duration
	onPong       func([]byte)
	onActivity   func()
	vectored     bool // net.Buffers leave in one system call

	reading lock // held while reading from nc; owns read
	read    readState
	message lock // held from the first to the last fragment of an own data message; owns deflater
	wire    lock // held while bytes are written; owns write
	write   writeState

	deflater *deflater // with context takeover, from the first compressed message on
	deadline readDeadline
	pong     pendingPong

	sawClose atomic.Bool // the peer's close frame came

	shut   sync.Once
	closed chan struct{} // closed by shut
	cause  error         // set before closed is closed
}

// lock is a mutex that can be waited for together with other things.
type lock chan struct{}

func (l lock) lock()   { l <- struct{}{} }
func (l lock) unlock() { <-l }

func (l lock) tryLock() bool {
	select {
	case l <- struct{}{}:
		return true
	default:
		return false
	}
}

// NewConn returns a Conn over nc, which it owns from now on. [Accept] and [Dial] call it; others do after a handshake of
// their own.
func NewConn(nc net.Conn, cfg Config) *Conn {
	o := &cfg.Options
	c := &Conn{
		nc:           nc,
		side:         cfg.Side,
		subprotocol:  cfg.Subprotocol,
		deflate:      cfg.Deflate,
		writeTimeout: o.WriteTimeout,
		closeTimeout: o.CloseTimeout,
		onPong:       o.OnPong,
		onActivity:   o.OnActivity,
		reading:      make(lock, 1),
		message:      make(lock, 1),
		wire:         make(lock, 1),
		closed:       make(chan struct{}),
	}
	if cfg.Deflation != nil {
		c.deflation = *cfg.Deflation
	}
	if c.writeTimeout == 0 {
		c.writeTimeout = defaultWriteTimeout
	}
	if c.closeTimeout <= 0 {
		c.closeTimeout = defaultCloseTimeout
	}
	c.read.init(c, o, cfg.Early)
	c.deadline.nc = nc
	tcp, ok := nc.(*net.TCPConn)
	c.vectored = ok
	if t, isTLS := nc.(*tls.Conn); isTLS {
		tcp, ok = t.NetConn().(*net.TCPConn)
	}
	if ok {
		// Frames are gathered here; Nagle's algorithm would only hold the last one back.
		tcp.SetNoDelay(true)
	}
	return c
}

// Subprotocol returns the subprotocol that was agreed on, or "".
func (c *Conn) Subprotocol() string { return c.subprotocol }

// Deflated returns what was agreed on about compression; ok is false when messages go uncompressed.
func (c *Conn) Deflated() (params DeflateParams, ok bool) {
	if c.deflate == nil {
		return DeflateParams{}, false
	}
	return *c.deflate, true
}

// TakesDeflatedFrames reports whether frames of [AppendDeflatedFrame] may be written: compression was agreed on, and the
// own messages neither refer to earlier ones nor are held to a window below 32 KiB.
func (c *Conn) TakesDeflatedFrames() bool {
	return c.deflate.TakesDeflatedFrames(c.side)
}

// NetConn returns the connection underneath, for its addresses and socket options. Reading from it or writing to it
// breaks the protocol.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Done is closed when the connection is over, for whatever reason. [Conn.Err] tells which.
func (c *Conn) Done() <-chan struct{} { return c.closed }

// Err returns nil before Done is closed, then why the connection is over: a [*CloseError] when the peer closed it, a
// [*ProtocolError] when it was closed for what the peer sent, an error that wraps net.ErrClosed when it was closed here,
// else what reading or writing returned.
func (c *Conn) Err() error {
	select {
	case <-c.closed:
		return c.cause
	default:
		return nil
	}
}

// CloseNow ends the connection at once, without a close frame. Reads and writes under way return. It may be called at
// any time, by anyone, repeatedly.
func (c *Conn) CloseNow() error {
	return c.end(errClosedHere, true)
}

var errClosedHere = fmt.Errorf("websocket: %w", net.ErrClosed)

// end closes the connection with the reason that everyone gets from then on. The first reason counts.
func (c *Conn) end(cause error, abrupt bool) (err error) {
	c.shut.Do(func() {
		c.cause = cause
		close(c.closed)
		c.deadline.release()
		if t, ok := c.nc.(*tls.Conn); ok && abrupt {
			err = t.NetConn().Close() // tls.Conn.Close would wait up to 5 s to say goodbye
			return
		}
		err = c.nc.Close()
	})
	return err
}
