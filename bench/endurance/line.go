package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

const (
	attemptTime = 20 * time.Second // for one attempt to connect and subscribe
	readBuffer  = 512

	clientsPerAddress = 4000
)

// Opcodes (RFC 6455, section 5.2).
const (
	opText = 0x1
	opPing = 0x9
	opPong = 0xA
)

// A line is a WebSocket that costs its side hardly more than the connection: what is measured is
// the server.
type line struct {
	conn *net.TCPConn
	r    *bufio.Reader
	over atomic.Bool // follow has returned
}

// source returns the address that a client connects from. Of loopback there are plenty. When more
// than half of the ports of one are taken, Linux looks through all those of one parity before it
// takes another, and a storm would measure that.
func source(number int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+number/clientsPerAddress))}
}

// dial makes one attempt to connect from an address, and to subscribe to a channel.
func dial(ctx context.Context, from net.Addr, addr, channel string) (*line, error) {
	deadline := time.Now().Add(attemptTime)
	conn, err := (&net.Dialer{Deadline: deadline, LocalAddr: from}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	l := &line{conn: conn.(*net.TCPConn), r: bufio.NewReaderSize(conn, readBuffer)}
	conn.SetDeadline(deadline)
	if err := l.subscribe(addr, channel); err != nil {
		l.cut()
		return nil, err
	}
	conn.SetDeadline(time.Time{})
	return l, nil
}

// cut ends the connection with a reset, without a word: so it ends when a machine or a network
// fails, and so its port is free at once.
func (l *line) cut() {
	_ = l.conn.SetLinger(0) // it may be closed already
	l.conn.Close()
}

// subscribe shakes hands (RFC 6455, section 4.1) and waits until the subscription is confirmed.
func (l *line) subscribe(addr, channel string) error {
	_, err := fmt.Fprintf(l.conn, "GET /v1/ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: wsbridge.v1\r\n\r\n", addr)
	if err != nil {
		return err
	}
	status, err := l.r.ReadString('\n')
	if err != nil {
		return err
	}
	if status = strings.TrimSpace(status); !strings.HasPrefix(status, "HTTP/1.1 101 ") {
		return errors.New(status)
	}
	for header := []byte("-"); len(bytes.TrimSpace(header)) > 0; {
		if header, err = l.r.ReadSlice('\n'); err != nil {
			return err
		}
	}
	if err := l.send(opText, fmt.Appendf(nil, `{"type":"subscribe","ref":1,"channel":%q}`, channel)); err != nil {
		return err
	}
	for {
		text, err := l.next()
		switch {
		case err != nil:
			return err
		case bytes.HasPrefix(text, []byte(`{"type":"subscribed"`)):
			return nil
		case !bytes.HasPrefix(text, []byte(`{"type":"welcome"`)):
			return fmt.Errorf("the server said %.200q", text)
		}
	}
}

// follow hands every text that comes to take, until the connection ends.
func (l *line) follow(take func(text []byte)) {
	defer l.over.Store(true)
	for {
		text, err := l.next()
		if err != nil {
			l.conn.Close()
			return
		}
		take(text)
	}
}

// next returns the next text: its beginning, which is good until the next call. Pings are answered.
func (l *line) next() (text []byte, err error) {
	for {
		head, err := l.r.Peek(2)
		if err != nil {
			return nil, err
		}
		op, size, length := head[0]&0x0f, int(head[1]), 2
		switch size { // RFC 6455, section 5.2: a server masks nothing
		case 126:
			length = 4
		case 127:
			length = 10
		}
		if head, err = l.r.Peek(length); err != nil {
			return nil, err
		}
		switch length {
		case 4:
			size = int(binary.BigEndian.Uint16(head[2:]))
		case 10:
			size = int(binary.BigEndian.Uint64(head[2:]))
		}
		if _, err := l.r.Discard(length); err != nil {
			return nil, err
		}
		payload := make([]byte, min(size, readBuffer))
		if _, err := io.ReadFull(l.r, payload); err != nil {
			return nil, err
		}
		if _, err := l.r.Discard(size - len(payload)); err != nil {
			return nil, err
		}
		switch op {
		case opText:
			return payload, nil
		case opPing:
			if err := l.send(opPong, payload); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("a frame with opcode %d", op)
		}
	}
}

// send sends a frame of less than 126 bytes. A mask of zeros (RFC 6455, section 5.3) changes
// nothing here, and costs the server what any other does.
func (l *line) send(op byte, payload []byte) error {
	if len(payload) > 125 {
		return errors.New("the frame is too long")
	}
	_, err := l.conn.Write(append([]byte{0x80 | op, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...))
	return err
}
