package footprint

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"time"
)

// A line is a client's connection, and hardly more.
type line struct {
	conn net.Conn
	r    *bufio.Reader
}

// dial connects and sends a request. buffer is how many bytes are read at once.
func dial(addr, target, header string, buffer int) (*line, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	l := &line{conn, bufio.NewReaderSize(conn, buffer)}
	if err := l.request(target, header); err != nil {
		conn.Close()
		return nil, err
	}
	return l, nil
}

func (l *line) request(target, header string) error {
	return l.send("GET " + target + " HTTP/1.1\r\nHost: wsbridge\r\n" + header + "\r\n")
}

func (l *line) send(s string) error {
	l.conn.SetDeadline(time.Now().Add(patience))
	_, err := l.conn.Write([]byte(s))
	return err
}

// upgrade is the header of a WebSocket's request (RFC 6455, section 4.1).
const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// closeFrame is a client's: masked with zeros, status 1000.
const closeFrame = "\x88\x82\x00\x00\x00\x00\x03\xe8"

// await reads up to the end of what is awaited, and returns all that came with it.
func (l *line) await(awaited string) (string, error) {
	l.conn.SetDeadline(time.Now().Add(patience))
	var got []byte
	for !bytes.HasSuffix(got, []byte(awaited)) {
		b, err := l.r.ReadByte()
		if err != nil {
			return "", fmt.Errorf("awaiting %s: %w after %q", awaited, err, got)
		}
		got = append(got, b)
	}
	return string(got), nil
}

const (
	opText   = 1
	opBinary = 2
)

// frame reads a WebSocket frame, and returns its opcode and the beginning of its payload,
// which is good until the next call (RFC 6455, section 5.2).
func (l *line) frame() (op byte, beginning []byte, err error) {
	l.conn.SetDeadline(time.Now().Add(patience))
	head, err := l.r.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	op = head[0] & 0xf
	header, size := 2, int(head[1]&0x7f)
	switch size {
	case 126:
		header = 4
	case 127:
		header = 10
	}
	if head, err = l.r.Peek(header); err != nil {
		return 0, nil, err
	}
	switch size {
	case 126:
		size = int(binary.BigEndian.Uint16(head[2:]))
	case 127:
		size = int(binary.BigEndian.Uint64(head[2:]))
	}
	l.r.Discard(header) // was peeked at
	const enough = 512
	if beginning, err = l.r.Peek(min(size, enough)); err != nil {
		return 0, nil, err
	}
	beginning = bytes.Clone(beginning)
	_, err = l.r.Discard(size)
	return op, beginning, err
}
