package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/requestid"
)

func TestRequestIDs(t *testing.T) {
	s := newSite(t, nil)
	for sent, kept := range map[string]bool{
		"abc-123_4.5:6/7=8+9@z": true, strings.Repeat("i", 128): true,
		"": false, "a b": false, "ä": false, `a"b`: false, strings.Repeat("i", 129): false,
	} {
		for path, status := range map[string]int{"/healthz": 200, "/nothing": 404} {
			got := s.do(call{method: "GET", path: path, header: []string{"X-Request-Id: " + sent}})
			id := got.header.Get("X-Request-Id")
			if got.status != status || kept != (id == sent) || !requestid.Valid(id) {
				t.Errorf("%s, %q: %d, answered %q", path, sent, got.status, id)
			}
		}
	}
	one, other := s.do(call{method: "GET", path: "/healthz"}), s.do(call{method: "GET", path: "/healthz"})
	if one.header.Get("X-Request-Id") == other.header.Get("X-Request-Id") {
		t.Error("two requests have one id")
	}
}

// Polls that go on over one connection have ids of their own as well.
func TestRequestIDsOfPollsThatGoOn(t *testing.T) {
	s := newSite(t, nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	seen, cursor := make(map[string]bool), ""
	for i := range 6 {
		fmt.Fprintf(conn, "GET /v1/poll?token=good&channels=c&wait=50%s HTTP/1.1\r\nHost: x\r\n\r\n", cursor)
		time.Sleep(10 * time.Millisecond) // so that most of them are held
		s.do(call{method: "POST", path: "/v1/channels/c/messages", header: []string{"Content-Type: application/json"}, body: "1"})
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		var a struct{ Cursor string }
		if err := json.NewDecoder(res.Body).Decode(&a); err != nil || res.StatusCode != 200 {
			t.Fatal(res.Status, err)
		}
		id := res.Header.Get("X-Request-Id")
		if len(id) != requestid.Len || seen[id] {
			t.Errorf("the id of answer %d is %q", i, id)
		}
		seen[id], cursor = true, "&cursor="+a.Cursor
	}
}
