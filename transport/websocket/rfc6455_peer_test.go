package websocket

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"
)

// peer is a client written for the tests alone: it knows frames byte by byte, sends whatever it is told, and takes apart what
// comes with as little cleverness as possible.
type peer struct {
	t       *testing.T
	conn    net.Conn
	in      *bufio.Reader
	header  textproto.MIMEHeader // of the 101 answer
	inflate func(p []byte) []byte
}

// dialPeer opens a WebSocket by hand.
func dialPeer(t *testing.T, addr, extensions string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	request := "GET / HTTP/1.1\r\nHost: " + addr + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
	if extensions != "" {
		request += "Sec-WebSocket-Extensions: " + extensions + "\r\n"
	}
	fmt.Fprint(conn, request+"\r\n")
	in := bufio.NewReader(conn)
	head := textproto.NewReader(in)
	status, err := head.ReadLine()
	if err != nil || !strings.HasPrefix(status, "HTTP/1.1 101 ") {
		t.Fatalf("handshake: %q, %v", status, err)
	}
	header, err := head.ReadMIMEHeader()
	// The key and its answer are the example of RFC 6455, section 1.3.
	if err != nil || header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Fatalf("handshake: %v, %v", header, err)
	}
	return &peer{t: t, conn: conn, in: in, header: header}
}

// frame makes a masked frame; rsv is RSV1 to RSV3 as a number up to 7.
func frame(op int, fin bool, rsv int, payload string) []byte {
	b0 := byte(op | rsv<<4)
	if fin {
		b0 |= 0x80
	}
	out := []byte{b0}
	switch n := len(payload); {
	case n < 126:
		out = append(out, 0x80|byte(n))
	case n < 1<<16:
		out = append(out, 0x80|126, byte(n>>8), byte(n))
	default:
		out = append(out, 0x80|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	out = append(append(out, key[:]...), payload...)
	masked := out[len(out)-len(payload):]
	for i := range masked {
		masked[i] ^= key[i%4]
	}
	return out
}

func textFrame(payload string) []byte   { return frame(1, true, 0, payload) }
func binaryFrame(payload string) []byte { return frame(2, true, 0, payload) }
func pingFrame(payload string) []byte   { return frame(9, true, 0, payload) }
func pongFrame(payload string) []byte   { return frame(10, true, 0, payload) }

func closeFrame(code int, reason string) []byte {
	return frame(8, true, 0, string([]byte{byte(code >> 8), byte(code)})+reason)
}

// fragmented makes a message of frames with size bytes of payload each.
func fragmented(op int, rsv int, payload string, size int) []byte {
	var out []byte
	for {
		n := min(size, len(payload))
		out = append(out, frame(op, n == len(payload), rsv, payload[:n])...)
		if payload = payload[n:]; payload == "" {
			return out
		}
		op, rsv = 0, 0
	}
}

// send writes frames. The server may have closed already: what it says is what counts.
func (p *peer) send(frames ...[]byte) { p.conn.Write(bytes.Join(frames, nil)) }

// chop writes frames in parts of n bytes.
func (p *peer) chop(n int, frames ...[]byte) {
	for part := range slices.Chunk(bytes.Join(frames, nil), n) {
		if _, err := p.conn.Write(part); err != nil {
			return
		}
	}
}

// receive reads one frame. It is nil at the end of the stream.
func (p *peer) receive() (op int, fin bool, rsv int, payload []byte, ok bool) {
	p.t.Helper()
	var h [10]byte
	if _, err := io.ReadFull(p.in, h[:2]); err != nil {
		if err != io.EOF {
			p.t.Fatalf("reading a frame: %v", err)
		}
		return 0, false, 0, nil, false
	}
	if h[1]&0x80 != 0 {
		p.t.Fatal("the server masks")
	}
	n := int(h[1])
	extra := map[int]int{126: 2, 127: 8}[n]
	if _, err := io.ReadFull(p.in, h[2:2+extra]); err != nil {
		p.t.Fatal(err)
	}
	if extra > 0 {
		n = 0
		for _, b := range h[2 : 2+extra] {
			n = n<<8 | int(b)
		}
	}
	payload = make([]byte, n)
	if _, err := io.ReadFull(p.in, payload); err != nil {
		p.t.Fatal(err)
	}
	return int(h[0] & 0xf), h[0]&0x80 != 0, int(h[0] >> 4 & 7), payload, true
}

// event is a message, a pong or a close frame as text: "text:…", "binary:…", "pong:…", "close:1000", or "end".
func (p *peer) event() string {
	p.t.Helper()
	kind, message, compressed := "", []byte(nil), false
	for {
		op, fin, rsv, payload, ok := p.receive()
		if !ok {
			return "end"
		}
		switch op {
		case 8:
			if len(payload) == 0 {
				return "close:"
			}
			return fmt.Sprintf("close:%d", int(payload[0])<<8|int(payload[1]))
		case 9, 10:
			return map[int]string{9: "ping:", 10: "pong:"}[op] + string(payload)
		case 1, 2:
			if kind != "" {
				p.t.Fatal("a message begins inside another")
			}
			kind = map[int]string{1: "text:", 2: "binary:"}[op]
			if compressed = rsv == 4; rsv != 0 && (!compressed || p.inflate == nil) {
				p.t.Fatalf("RSV is %d", rsv)
			}
		case 0:
			if kind == "" || rsv != 0 {
				p.t.Fatalf("unexpected continuation, RSV %d", rsv)
			}
		default:
			p.t.Fatalf("opcode %d", op)
		}
		message = append(message, payload...)
		if fin {
			if compressed {
				message = p.inflate(message)
			}
			return kind + string(message)
		}
	}
}

// want reads as many events as are given, which must be these.
func (p *peer) want(events ...string) {
	p.t.Helper()
	for _, want := range events {
		if got := p.event(); got != want {
			p.t.Fatalf("got %s, want %s", clip(got), clip(want))
		}
	}
}

// wantEnd reads the server's close frame, with one of these codes, and the end of the stream, and nothing else.
func (p *peer) wantEnd(codes ...string) {
	p.t.Helper()
	if got := p.event(); !slices.Contains(codes, strings.TrimPrefix(got, "close:")) {
		p.t.Fatalf("got %s, want a close frame with %v", clip(got), codes)
	}
	p.want("end")
}

// close performs the close handshake from here.
func (p *peer) close() {
	p.t.Helper()
	p.send(closeFrame(1000, ""))
	p.wantEnd("1000")
}

// quiet checks that the server says nothing for a moment.
func (p *peer) quiet() {
	p.t.Helper()
	p.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if b, err := p.in.Peek(1); len(b) > 0 || err == io.EOF {
		p.t.Fatalf("the server spoke: %x, %v", b, err)
	}
	// Peek keeps its error for the next read.
	p.in = bufio.NewReader(p.conn)
	p.conn.SetReadDeadline(time.Now().Add(patience))
}

func clip(s string) string {
	if len(s) > 60 {
		return fmt.Sprintf("%q… (%d bytes)", s[:60], len(s))
	}
	return fmt.Sprintf("%q", s)
}
