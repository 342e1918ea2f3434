package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/transport"
	"github.com/wsbridge/wsbridge/transport/websocket"
)

const sendRequest = "POST /v1/send HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"

// asking returns a command of which the answer repeats n.
func asking(n int) string {
	return fmt.Sprintf(`{"type":"history","ref":%d,"channel":"a","token":"ann"}`, n)
}

// A client that sends all its requests before it reads gets all answers, in order, whatever
// serves each of them.
func TestRequestsAheadOfTheirTurn(t *testing.T) {
	s := open(t, setup{})
	l := s.wire()
	var all strings.Builder
	const rounds = 50
	for i := range rounds {
		fmt.Fprintf(&all, sendRequest, len(asking(i)), asking(i))
		if i == 20 {
			all.WriteString("GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n")
		}
	}
	go l.send("%s", all.String())
	for i := range rounds {
		if res, body := l.answer(); res.StatusCode != 200 || !strings.Contains(body, fmt.Sprintf(`"ref":%d`, i)) {
			t.Fatalf("answer %d: %s %q", i, res.Status, body)
		}
		if i == 20 {
			if res, _ := l.answer(); res.StatusCode != 404 {
				t.Fatalf("between: %s", res.Status)
			}
		}
	}
}

// A request may come in any pieces, also so slowly that net/http has to wait for the rest.
func TestRequestsInPieces(t *testing.T) {
	s := open(t, setup{})
	request := fmt.Sprintf(sendRequest, len(asking(7)), asking(7))
	l := s.wire()
	for range 2 {
		for i := range request {
			l.send("%s", request[i:i+1])
		}
		if res, body := l.answer(); res.StatusCode != 200 || !strings.Contains(body, `"ref":7`) {
			t.Fatalf("byte by byte: %s %q", res.Status, body)
		}
	}
	l.send("%s", request[:len(request)-3])
	time.Sleep(1500 * time.Millisecond) // net/http has it then
	l.send("%s", request[len(request)-3:]+request)
	for range 2 {
		if res, body := l.answer(); res.StatusCode != 200 || !strings.Contains(body, `"ref":7`) {
			t.Fatalf("with a pause in the body: %s %q", res.Status, body)
		}
	}
}

// A client that ends its side behind its requests gets all answers, and then the end.
func TestRequestsOfAClientThatHasEnded(t *testing.T) {
	s := open(t, setup{})
	if s.portable {
		t.Skip("net/http takes such a client for one that has left")
	}
	for range 50 {
		l := s.wire()
		all := ""
		for i := range 3 {
			all += fmt.Sprintf(sendRequest, len(asking(i)), asking(i))
		}
		l.send("%s", all)
		l.conn.(*net.TCPConn).CloseWrite()
		for i := range 3 {
			if res, body := l.answer(); res.StatusCode != 200 || !strings.Contains(body, fmt.Sprintf(`"ref":%d`, i)) {
				t.Fatalf("answer %d: %s %q", i, res.Status, body)
			}
		}
		if _, err := l.r.ReadByte(); err != io.EOF {
			t.Fatalf("behind the last answer: %v", err)
		}
	}
}

// Connections that are cut at any moment harm nobody else.
func TestRequestsOfClientsThatBreakOff(t *testing.T) {
	s := open(t, setup{})
	request := fmt.Sprintf(sendRequest, len(asking(7)), asking(7))
	var all sync.WaitGroup
	for i := range 300 {
		l := s.wire()
		all.Go(func() {
			io.WriteString(l.conn, request+request[:i%len(request)])
			time.Sleep(time.Duration(i%7) * 50 * time.Microsecond)
			if i%2 == 0 {
				l.conn.(*net.TCPConn).SetLinger(0)
			}
			l.conn.Close()
		})
	}
	all.Wait()
	l := s.wire()
	l.send("%s", request)
	if res, _ := l.answer(); res.StatusCode != 200 {
		t.Error(res.Status)
	}
}

// A WebSocket that speaks with its handshake is heard.
func TestWebSocketWithEarlyFrames(t *testing.T) {
	s := open(t, setup{})
	for range 20 {
		l := s.wire()
		frame := websocket.AppendFrame(nil, websocket.OpText, true, false, []byte(asking(3)))
		frame[1] |= 0x80 // masked, by zeros
		frame = append(frame[:2:2], append([]byte{0, 0, 0, 0}, frame[2:]...)...)
		l.send("GET /v1/ws?token=ann HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
			"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n\r\n%s", l.host, frame)
		res, err := http.ReadResponse(l.r, nil)
		if err != nil || res.StatusCode != 101 {
			t.Fatalf("%+v, %v", res, err)
		}
		heard := ""
		for b := make([]byte, 4096); !strings.Contains(heard, `"ref":3`); {
			n, err := l.r.Read(b)
			if err != nil {
				t.Fatalf("after %q: %v", heard, err)
			}
			heard += string(b[:n])
		}
	}
}

// What is not HTTP, and heads that do not end, do not hold a connection for good.
func TestConnectionsThatSayNothing(t *testing.T) {
	s := open(t, setup{})
	for _, said := range []string{"\x16\x03\x01 a TLS handshake\r\n", "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 2<<20)} {
		l := s.wire()
		go io.WriteString(l.conn, said)
		if res, err := http.ReadResponse(l.r, nil); err == nil && res.StatusCode/100 != 4 {
			t.Errorf("%.20q is answered by %s", said, res.Status)
		}
	}
}

// Finish answers what was asked, and closes what is idle.
func TestFinish(t *testing.T) {
	s := open(t, setup{})
	idle := s.wire()
	idle.send(sendRequest, len(asking(1)), asking(1))
	idle.answer()
	polling := s.wire()
	polling.send(pollRequest, polling.cursor(), polling.host)
	s.awaitHeld(1)

	var finishing sync.WaitGroup
	finishing.Go(func() {
		if err := s.server.Finish(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if !s.portable { // else it is one of net/http
		if _, err := idle.r.ReadByte(); err == nil {
			t.Error("an idle connection goes on")
		}
	}
	s.publish("a", `"the last"`)
	if res, body := polling.answer(); !strings.Contains(body, "the last") {
		t.Errorf("%v %q", res.Header, body)
	}
	if _, err := polling.r.ReadByte(); err == nil { // whether the answer has said so, or was just ahead of the end
		t.Error("the connection goes on behind its answer")
	}
	polling.conn.Close()
	finishing.Wait()

	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.server.Finish(ended); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// One request has one answer, also if it is a GET with a body, which nobody reads.
func TestBodyOfAGetIsNotTheNextRequest(t *testing.T) {
	s := open(t, setup{})
	inner := "GET /v1/poll?token=ann&channels=b&wait=0 HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, rest := range []string{
		fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(inner), inner),
		fmt.Sprintf("Pragma: no-cache\r\nContent-Length: %d\r\n\r\n%s", len(inner), inner),
		fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(inner), inner),
	} {
		l := s.wire()
		l.send("GET /v1/poll?token=ann&channels=a&wait=1 HTTP/1.1\r\nHost: x\r\n%s", rest)
		if res, body := l.answer(); res.StatusCode != 200 || !strings.Contains(body, `"cursor":"a@`) {
			t.Fatalf("%s %s", res.Status, body)
		}
		l.send(sendRequest, len(asking(7)), asking(7))
		if res, body := l.answer(); res.StatusCode != 200 || !strings.Contains(body, `"ref":7`) {
			t.Errorf("behind %q: %s %s", rest, res.Status, body)
		}
	}
}

// Small devices send an empty line behind a body (RFC 9112, section 2.2).
func TestEmptyLineBehindABody(t *testing.T) {
	s := open(t, setup{})
	l := s.wire()
	for i := range 3 {
		l.send(sendRequest+"\r\n", len(asking(i)), asking(i))
		if res, body := l.answer(); res.StatusCode != 200 {
			t.Fatalf("request %d: %s %s", i, res.Status, body)
		}
		time.Sleep(20 * time.Millisecond) // so that it may come by itself, or with the next request
	}
}

// Lines may end in LF alone (RFC 9112, section 2.2). net/http takes them, and has to get them.
func TestLinesThatEndInLF(t *testing.T) {
	s := open(t, setup{})
	l := s.wire()
	for range 2 {
		start := time.Now()
		l.send("%s", strings.ReplaceAll(fmt.Sprintf(sendRequest, len(asking(7)), asking(7)), "\r", ""))
		if res, body := l.answer(); res.StatusCode != 200 || !strings.Contains(body, `"ref":7`) {
			t.Errorf("%s %s after %v", res.Status, body, time.Since(start))
		}
	}
}

// What clients send while their connections go to net/http is not kept without a bound.
func TestFloodWhileConnectionsChangeHands(t *testing.T) {
	s := open(t, setup{})
	const clients, each = 16, 32 << 20
	var most uint64
	stop := make(chan struct{})
	var watch, all sync.WaitGroup
	watch.Go(func() {
		for look := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-look.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	})
	for range clients {
		l := s.wire()
		all.Go(func() {
			go io.Copy(io.Discard, l.conn) // 404
			fmt.Fprintf(l.conn, "POST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", each)
			b := make([]byte, 256<<10)
			for n := 0; n < each; n += len(b) {
				if _, err := l.conn.Write(b); err != nil {
					return // net/http reads no more of what nobody wants
				}
			}
		})
	}
	all.Wait()
	close(stop)
	watch.Wait()
	if most > 64<<20 {
		t.Errorf("the heap had %d MiB", most>>20)
	}
}

// A handler that panics costs its connection, and no other, as with net/http.
func TestHandlerThatPanics(t *testing.T) {
	s := open(t, setup{Options: transport.Options{
		Logger: slog.New(slog.DiscardHandler),
		Authenticate: func(token string) (transport.Identity, error) {
			if token == "panic" {
				panic("as asked for")
			}
			return authenticate(token)
		},
	}})
	if s.portable {
		t.Skip("net/http serves all requests")
	}
	l, other := s.wire(), s.wire()
	command := strings.Replace(asking(1), `"ann"`, `"panic"`, 1)
	l.send(sendRequest, len(command), command)
	if b, err := l.r.ReadByte(); err != io.EOF {
		t.Errorf("it is answered with %q, %v", b, err)
	}
	other.send("GET /v1/poll?token=ann&channels=a&wait=0 HTTP/1.1\r\nHost: x\r\n\r\n")
	if res, _ := other.answer(); res.StatusCode != 200 {
		t.Errorf("another one: %s", res.Status)
	}
}
