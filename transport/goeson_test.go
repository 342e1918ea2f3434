package transport_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/transport"
)

const (
	getAgain  = "GET /v1/poll?token=ann&channels=a&cursor=%s&wait=50 HTTP/1.1\r\nHost: x\r\n\r\n"
	postAgain = "POST /v1/poll HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
)

func postedAgain(cursor string) string {
	body := fmt.Sprintf(`{"cursor":"%s","wait":50}`, cursor)
	return fmt.Sprintf(postAgain, len(body), body)
}

// A client that asks again and again over one connection gets each message once and in order,
// whether it is published while a poll is held or between two, and has one session.
func TestPollsGoOn(t *testing.T) {
	for method, request := range map[string]func(cursor string) string{
		"GET":  func(cursor string) string { return fmt.Sprintf(getAgain, cursor) },
		"POST": postedAgain,
	} {
		t.Run(method, func(t *testing.T) {
			s := open(t, setup{})
			l := s.wire()
			cursor := l.cursor()
			for i := range 8 { // one digit of an offset, so that all requests have one length
				if i%3 == 2 {
					s.publish("a", fmt.Sprintf(`"message %d"`, i))
				}
				l.send("%s", request(cursor))
				if i%3 != 2 {
					s.awaitHeld(1)
					s.publish("a", fmt.Sprintf(`"message %d"`, i))
				}
				res, body := l.answer()
				if n := strings.Count(body, "message "); n != 1 || !strings.Contains(body, fmt.Sprintf(`"message %d"`, i)) {
					t.Fatalf("answer %d: %q", i, body)
				}
				cursor = l.cursorOf(res, body)
			}
			if s.portable {
				return
			}
			s.await("polls that go on", 7, func(l *ledger) int { return l.repeated[method] })
			s.await("sessions", 1, func(l *ledger) int { return l.opened["long-poll"] })
			// The client stays away.
			s.await("sessions that have ended", 1, func(l *ledger) int { return l.closed["long-poll 1000"] })
		})
	}
}

// What does not fit into an answer comes with the next one.
func TestPollsThatAreFullGoOn(t *testing.T) {
	s := open(t, setup{})
	l := s.wire()
	cursor := l.cursor()
	const rounds, each = 10, 3
	for i := range rounds * each {
		if i%each == 0 {
			for j := range each {
				s.publish("a", fmt.Sprintf(`"message %d"`, i+j))
			}
		}
		l.send("GET /v1/poll?token=ann&channels=a&limit=1&cursor=%s&wait=50 HTTP/1.1\r\nHost: x\r\n\r\n", cursor)
		res, body := l.answer()
		if n := strings.Count(body, "message "); n != 1 || !strings.Contains(body, fmt.Sprintf(`"message %d"`, i)) {
			t.Fatalf("answer %d: %q", i, body)
		}
		cursor = l.cursorOf(res, body)
	}
}

// Whatever is another request ends the session and gets an answer of its own.
func TestPollsThatDoNotGoOn(t *testing.T) {
	s := open(t, setup{})
	get := func(token, header string) func(string) string {
		return func(cursor string) string {
			return fmt.Sprintf("GET /v1/poll?token=%s&channels=a&cursor=%s&wait=50 HTTP/1.1\r\nHost: x\r\n%s\r\n", token, cursor, header)
		}
	}
	for name, other := range map[string]func(cursor string) string{
		"a cursor of before": get("ann", ""),
		"another token":      get("bob", ""),
		"another header":     get("ann", "Accept: */*\r\n"),
		"its own request id": get("ann", "X-Request-Id: mine\r\n"),
		"another method":     postedAgain,
	} {
		t.Run(name, func(t *testing.T) {
			l := s.wire()
			before := l.cursor()
			l.send(getAgain, before)
			s.awaitHeld(1)
			s.publish("a", `"one"`)
			if _, body := l.answer(); !strings.Contains(body, `"one"`) {
				t.Fatal(body)
			}
			l.send("%s", other(before))
			if res, body := l.answer(); res.StatusCode != 200 || strings.Count(body, `"one"`) != 1 {
				t.Errorf("%s %q", res.Status, body)
			}
			s.await("polls that go on", 0, func(l *ledger) int { return l.repeated["GET"] + l.repeated["POST"] })
			l.conn.Close()
			s.awaitHeld(0)
		})
	}
}

// Polls that go on count for the rate of requests, and are refused as the others are.
func TestPollsThatGoOnAreLimited(t *testing.T) {
	s := open(t, setup{Options: transport.Options{Limits: transport.Limits{RequestRatePerAddress: 1}}})
	l := s.wire()
	cursor := l.cursor()
	for i := range 12 { // ten at once, and one a second
		l.send(getAgain, cursor)
		s.publish("a", `"on"`)
		res, body := l.answer()
		if res.StatusCode == 429 {
			if i < 9 {
				t.Errorf("request %d is refused", i)
			}
			return
		}
		cursor = l.cursorOf(res, body)
	}
	t.Error("nothing is refused")
}

// A client that ends its side behind a poll for which there is something has an answer, the first
// time and again.
func TestPollsOfAClientThatHasEndedGoOn(t *testing.T) {
	s := open(t, setup{})
	if s.portable {
		t.Skip("net/http takes such a client for one that has left")
	}
	for _, again := range []bool{false, true} {
		for range 20 {
			l := s.wire()
			cursor := l.cursor()
			if again {
				l.send(getAgain, cursor)
				s.awaitHeld(1)
				s.publish("a", `"1"`)
				cursor = l.cursorOf(l.answer())
			}
			s.publish("a", `"2"`)
			l.send(getAgain, cursor)
			l.conn.(*net.TCPConn).CloseWrite()
			if _, body := l.answer(); !strings.Contains(body, `"2"`) {
				t.Fatalf("again %v: %q", again, body)
			}
			l.conn.Close()
		}
	}
}

// Clients that send in pieces, break off, stay away for longer than their sessions are kept and ask
// for other things in between have each message once and in order.
func TestPollsGoOnWhateverClientsDo(t *testing.T) {
	s := open(t, setup{})
	const messages, clients = 2000, 20
	follow := func() {
		l, cursor := s.wire(), "a@0"
		for last := 0; last < messages; {
			request := fmt.Sprintf(getAgain, cursor)
			at := len(request)
			if rand.N(4) == 0 {
				at = rand.N(at)
			}
			l.send("%s", request[:at])
			time.Sleep(rand.N(time.Millisecond))
			l.send("%s", request[at:])
			switch rand.N(40) {
			case 0:
				l.conn.Close()
				l = s.wire()
				continue
			case 1:
				time.Sleep(rand.N(3 * time.Second))
			}
			res, body := l.answer()
			cursor = l.cursorOf(res, body)
			for _, found := range messageData.FindAllStringSubmatch(body, -1) {
				if last++; found[1] != strconv.Itoa(last) {
					t.Errorf("message %s comes as the %dth", found[1], last)
					return
				}
			}
			switch rand.N(40) {
			case 0:
				l.send(sendRequest, len(asking(1)), asking(1))
				l.answer()
			case 1:
				time.Sleep(rand.N(3 * time.Second))
			}
		}
	}
	var all sync.WaitGroup
	for range clients {
		all.Go(follow)
	}
	for i := range messages {
		s.publish("a", strconv.Itoa(i+1))
		if rand.N(4) == 0 {
			time.Sleep(rand.N(10 * time.Millisecond))
		}
	}
	all.Wait()
	if !s.portable {
		s.await("polls that go on", 1, func(l *ledger) int { return min(1, l.repeated["GET"]) })
	}
}

var messageData = regexp.MustCompile(`"data":(\d+)`)
