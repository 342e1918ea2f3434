package transport_test

import (
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
)

// overStreams runs a test over both transports that answer without end.
func overStreams(t *testing.T, test func(t *testing.T, transport string, open func(s *site, query string) line)) {
	t.Run("sse", func(t *testing.T) {
		test(t, "sse", func(s *site, query string) line { return s.sse(query) })
	})
	t.Run("http-stream", func(t *testing.T) {
		test(t, "http-stream", func(s *site, query string) line { return s.httpStream(query) })
	})
}

func TestStreamCatchesUpAndGoesOnLive(t *testing.T) {
	overStreams(t, func(t *testing.T, _ string, connect func(*site, string) line) {
		s := open(t, setup{})
		for i := range 500 {
			s.publish("a", strconv.Itoa(i))
		}
		l := connect(s, "cursor=a@0")
		expect(l, "welcome")
		for i := range 1000 {
			if i >= 500 {
				s.publish("a", strconv.Itoa(i))
			}
			if e := expect(l, "message"); string(e.Message.Data.Bytes) != strconv.Itoa(i) {
				t.Fatalf("got %s, want %d", e.Message.Data.Bytes, i)
			}
		}
	})
}

func TestStreamHeartbeats(t *testing.T) {
	overStreams(t, func(t *testing.T, _ string, connect func(*site, string) line) {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, setup{pipes: true})
			l := connect(s, "channels=a")
			expect(l, "welcome")
			start := time.Now()
			for range 3 {
				expect(l, "heartbeat")
			}
			if took := time.Since(start); took < 75*time.Second || took > 77*time.Second {
				t.Errorf("three heartbeats took %v", took)
			}
		})
	})
}

func TestStreamEndsWhenItsTokenExpires(t *testing.T) {
	overStreams(t, func(t *testing.T, name string, connect func(*site, string) line) {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, setup{pipes: true, Options: options(time.Now().Add(5 * time.Second))})
			l := connect(s, "channels=a")
			expect(l, "welcome")
			start := time.Now()
			if e := expect(l, "close"); e.CloseCode != 4203 || time.Since(start) > 6*time.Second {
				t.Errorf("%+v after %v", e, time.Since(start))
			}
			s.awaitClosed(name, 4203)
		})
	})
}

// One client stops reading and is told so, the others have everything.
func TestStreamThatIsTooSlowEndsAlone(t *testing.T) {
	overStreams(t, func(t *testing.T, name string, connect func(*site, string) line) {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, setup{pipes: true, bridge: bridge.Options{Queue: 64 << 10}})
			slow, quick := connect(s, "channels=a"), connect(s, "channels=a")
			expect(slow, "welcome")
			expect(quick, "welcome")
			data := `"` + strings.Repeat("x", 8<<10) + `"`
			for range 50 {
				s.publish("a", data)
				expect(quick, "message")
			}
			s.awaitClosed(name, 4208)
			s.publish("a", "1")
			if e := expect(quick, "message"); string(e.Message.Data.Bytes) != "1" {
				t.Errorf("got %s", e.Message.Data.Bytes)
			}
		})
	})
}

// A client that is slow but reads again in time hears why it was closed.
func TestStreamThatIsTooSlowIsTold(t *testing.T) {
	overStreams(t, func(t *testing.T, name string, connect func(*site, string) line) {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, setup{pipes: true, bridge: bridge.Options{Queue: 64 << 10}})
			l := connect(s, "channels=a")
			expect(l, "welcome")
			data := `"` + strings.Repeat("x", 8<<10) + `"`
			for range 50 {
				s.publish("a", data)
			}
			time.Sleep(6 * time.Second) // stopped after 5
			for {
				e := l.next()
				if e.Type == "message" {
					continue
				}
				if e.Type != "close" || e.CloseCode != 4208 || e.Retry <= 0 {
					t.Errorf("%+v, want close 4208 with retry", e)
				}
				return
			}
		})
	})
}

// Nothing more comes for the client, so it does not fall behind; its line is dead all the same.
func TestStreamWriteThatGetsNowhereEnds(t *testing.T) {
	overStreams(t, func(t *testing.T, name string, connect func(*site, string) line) {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, setup{pipes: true})
			l := connect(s, "channels=a")
			expect(l, "welcome")
			start := time.Now()
			s.publish("a", `"`+strings.Repeat("x", 200<<10)+`"`) // more than is buffered on the way
			s.awaitClosed(name, 4208)
			if took := time.Since(start); took < 30*time.Second || took > 32*time.Second {
				t.Errorf("ended after %v", took)
			}
		})
	})
}

func TestStreamIsGoneWhenItsClientLeaves(t *testing.T) {
	s := open(t, setup{})
	res := s.stream("/v1/sse?channels=a&token=ann")
	res.Body.Close()
	s.awaitClosed("sse", 1000)
	s.publish("a", "1")
	if info, err := s.bridge.Info(t.Context(), "a"); err != nil || info.Subscribers != 0 {
		t.Fatalf("%+v %v, want no subscriber", info, err)
	}
}

func TestStreamIsRefusedWhileTheBrokerIsAway(t *testing.T) {
	s := open(t, setup{})
	s.broker.down.Store(true)
	for _, path := range []string{"/v1/sse", "/v1/http-stream"} {
		res := s.request("GET", path+"?channels=a&token=ann", "")
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != 503 || !strings.Contains(string(body), `"code":"unavailable"`) {
			t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
	}
}
