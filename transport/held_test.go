package transport_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A wireLine is one connection to a site, over which requests are written by hand.
type wireLine struct {
	t    testing.TB
	host string
	conn net.Conn
	r    *bufio.Reader
}

func (s *site) wire() *wireLine {
	s.t.Helper()
	conn, err := s.dial(context.Background(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return &wireLine{s.t, strings.TrimPrefix(s.url, "http://"), conn, bufio.NewReader(conn)}
}

func (l *wireLine) send(format string, args ...any) {
	l.t.Helper()
	if _, err := fmt.Fprintf(l.conn, format, args...); err != nil {
		l.t.Fatal(err)
	}
}

// answer reads one answer whole.
func (l *wireLine) answer() (*http.Response, string) {
	l.t.Helper()
	res, err := http.ReadResponse(l.r, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return res, string(body)
}

const pollRequest = "GET /v1/poll?token=ann&channels=a&cursor=%s&wait=50 HTTP/1.1\r\nHost: %s\r\nOrigin: http://%[2]s\r\n\r\n"

// cursor asks where the channel ends.
func (l *wireLine) cursor() string {
	l.t.Helper()
	l.send("GET /v1/poll?token=ann&channels=a&wait=0 HTTP/1.1\r\nHost: x\r\n\r\n")
	return l.cursorOf(l.answer())
}

func (l *wireLine) cursorOf(res *http.Response, body string) string {
	l.t.Helper()
	var a struct {
		Cursor   string
		Messages []struct{ Data json.RawMessage }
	}
	if err := json.Unmarshal([]byte(body), &a); err != nil || res.StatusCode != 200 {
		l.t.Fatalf("%s %q: %v", res.Status, body, err)
	}
	return a.Cursor
}

// awaitHeld waits until so many polls are held.
func (s *site) awaitHeld(n int) {
	s.t.Helper()
	s.await(fmt.Sprint(n, " held polls"), 1, func(l *ledger) int {
		if l.opened["long-poll"]-l.closed["long-poll 1000"] == n {
			return 1
		}
		return 0
	})
}

// Polls over one connection, one after the other, and other requests between them: every
// answer comes, each to its request.
func TestHeldPollsAndOtherRequestsShareAConnection(t *testing.T) {
	s := open(t, setup{})
	l := s.wire()
	cursor := l.cursor()
	for round := range 3 {
		for i := range 3 {
			l.send(pollRequest, cursor, l.host)
			s.awaitHeld(1)
			data := fmt.Sprintf(`"round %d, poll %d"`, round, i)
			s.publish("a", data)
			res, body := l.answer()
			if !strings.Contains(body, data) {
				t.Fatalf("the answer is %q, want %s", body, data)
			}
			if got := res.Header; got.Get("Content-Length") == "" || got.Get("Content-Type") != "application/json" ||
				got.Get("Cache-Control") != "no-store" || got.Get("Access-Control-Allow-Origin") != s.url || got.Get("Date") == "" {
				t.Fatalf("the header of a held answer is %v", got)
			}
			cursor = l.cursorOf(res, body)
		}
		command := `{"type":"history","ref":7,"channel":"a","token":"ann"}`
		l.send("POST /v1/send HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(command), command)
		if res, body := l.answer(); res.StatusCode != 200 || !strings.Contains(body, `"ref":7`) {
			t.Fatalf("between polls: %s %q", res.Status, body)
		}
		l.send("GET /v1/poll?token=wrong&channels=a HTTP/1.1\r\nHost: x\r\n\r\n")
		if res, body := l.answer(); res.StatusCode != 401 || !strings.Contains(body, "token_invalid") {
			t.Fatalf("between polls: %s %q", res.Status, body)
		}
	}
}

// A poll may be a POST, and its bytes may come one by one; the next request may come before
// the answer.
func TestHeldPollsThatComeInPieces(t *testing.T) {
	s := open(t, setup{})
	l := s.wire()
	cursor := l.cursor()
	l.send(pollRequest, cursor, l.host)
	s.awaitHeld(1)
	s.publish("a", "1")
	cursor = l.cursorOf(l.answer())

	body := fmt.Sprintf(`{"token":"ann","channels":["a"],"cursor":%q,"wait":50}`, cursor)
	request := fmt.Sprintf("POST /v1/poll HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	for i := range len(request) {
		l.send("%s", request[i:i+1])
	}
	s.awaitHeld(1)
	// Pipelined, whole and in part.
	l.send("GET /v1/poll?token=ann&channels=a&wait=0 HTTP/1.1\r\nHost: x\r\n\r\nGET /v1/po")
	s.publish("a", "2")
	if res, got := l.answer(); !strings.Contains(got, `"data":2`) {
		t.Fatalf("%s %q", res.Status, got)
	}
	cursor = l.cursorOf(l.answer())
	l.send("%s", strings.TrimPrefix(fmt.Sprintf(pollRequest, cursor, l.host), "GET /v1/po"))
	s.awaitHeld(1)
	s.publish("a", "3")
	if res, got := l.answer(); !strings.Contains(got, `"data":3`) {
		t.Fatalf("%s %q", res.Status, got)
	}
}

// Polls that wait have no goroutine, where the system's poller is.
func TestHeldPollsHaveNoGoroutine(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system has no poller")
	}
	s := open(t, setup{})
	lines := make([]*wireLine, 100)
	for i := range lines {
		lines[i] = s.wire()
	}
	cursor := lines[0].cursor()
	before := runtime.NumGoroutine()
	for _, l := range lines {
		l.send(pollRequest, cursor, l.host)
	}
	s.awaitHeld(len(lines))
	for end := time.Now().Add(patience); !s.portable; time.Sleep(10 * time.Millisecond) {
		n := runtime.NumGoroutine() - before // workers wait a little for more to do
		if n <= 10 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("100 polls have %d goroutines", n)
		}
	}
	s.publish("a", `"all"`)
	for _, l := range lines {
		if res, body := l.answer(); !strings.Contains(body, `"all"`) {
			t.Fatalf("%s %q", res.Status, body)
		}
	}
}

// A client that leaves is gone at once, and one that floods its connection is cut.
func TestHeldPollsWhoseClientLeaves(t *testing.T) {
	s := open(t, setup{})
	l := s.wire()
	cursor := l.cursor()
	l.send(pollRequest, cursor, l.host)
	s.awaitHeld(1)
	l.conn.Close()
	s.awaitHeld(0)

	l = s.wire()
	l.send(pollRequest, cursor, l.host)
	s.awaitHeld(1)
	go func() {
		for b := make([]byte, 64<<10); ; {
			if _, err := l.conn.Write(b); err != nil {
				return
			}
		}
	}()
	if _, err := io.Copy(io.Discard, l.r); err == nil {
		t.Log("cut without a reset")
	}
	s.awaitHeld(0)
}

// What is no request goes back to net/http, which says what it thinks of it.
func TestHeldPollsFollowedByNonsense(t *testing.T) {
	for _, nonsense := range []string{
		"nonsense\r\n\r\n",
		"GET /v1/poll HTTP/9.9\r\nHost: x\r\n\r\n",
		"GET /v1/poll HTTP/1.1\r\n\r\n",
		"POST /v1/poll HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
	} {
		s := open(t, setup{})
		l := s.wire()
		cursor := l.cursor()
		l.send(pollRequest, cursor, l.host)
		s.awaitHeld(1)
		s.publish("a", "1")
		l.answer()
		l.send("%s", nonsense)
		if res, _ := l.answer(); res.StatusCode < 400 || res.StatusCode == 500 {
			t.Errorf("%q: %s", nonsense, res.Status)
		}
	}
}

// Polls that are held are answered when the server drains, and their connections end.
func TestHeldPollsDrain(t *testing.T) {
	s := open(t, setup{})
	l := s.wire()
	cursor := l.cursor()
	l.send(pollRequest, cursor, l.host)
	s.awaitHeld(1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.server.Drain(ctx, 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	res, body := l.answer()
	if !res.Close || !strings.Contains(body, `"retry":`) || strings.Contains(body, `"retry":0}`) {
		t.Errorf("%v %q", res.Header, body)
	}
	if _, err := l.r.ReadByte(); err != io.EOF {
		t.Errorf("behind the last answer: %v", err)
	}
}

// A client may take what was not answered before the end for not done (RFC 9112, section 9.6).
func TestNothingIsObeyedBehindTheLastAnswer(t *testing.T) {
	s := open(t, setup{})
	l := s.wire()
	l.send(pollRequest, l.cursor(), l.host)
	s.awaitHeld(1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.server.Drain(ctx, 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if res, body := l.answer(); !res.Close {
		t.Fatalf("%v %q", res.Header, body)
	}
	command := `{"type":"publish","ref":1,"channel":"b","data":1,"token":"ann"}`
	fmt.Fprintf(l.conn, sendRequest, len(command), command) // fails if the line is closed already
	if _, err := l.r.ReadByte(); err != io.EOF && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("behind the last answer: %v", err)
	}
	// The line has ended, and with it whatever it might have done.
	if err := s.server.Finish(ctx); err != nil {
		t.Fatal(err)
	}
	if info, err := s.bridge.Info(ctx, "b"); err != nil || info.Retained > 0 {
		t.Errorf("%d messages were published: %v", info.Retained, err)
	}
}
