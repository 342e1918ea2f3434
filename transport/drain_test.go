package transport_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/transport"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func TestDrainSendsEveryoneElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		sockets := []*socketLine{s.webSocket("token=ann&channels=a", nil), s.webSocket("token=ann&channels=a", nil)}
		streams := []line{s.sse("channels=a"), s.httpStream("channels=a")}
		polled := make(chan wire.Answer)
		go func() { polled <- s.poll("channels=a") }()
		synctest.Wait()

		start := time.Now()
		drained := make(chan error)
		go func() { drained <- s.server.Drain(context.Background(), 10*time.Second) }()

		if a := <-polled; a.Retry <= 0 || a.Retry > 10*time.Second || time.Since(start) > time.Second {
			t.Errorf("poll: retry %v after %v", a.Retry, time.Since(start))
		}
		ends := make(chan time.Duration, 4)
		for _, l := range sockets {
			go func() {
				if code, reason := l.closed(); code != 1012 || !strings.HasPrefix(reason, "retry=") {
					t.Errorf("websocket: %d %q", code, reason)
				}
				ends <- time.Since(start)
			}()
		}
		for _, l := range streams {
			go func() {
				e := l.next()
				for e.Type != "close" {
					e = l.next()
				}
				if e.CloseCode != 1012 || e.Retry <= 0 {
					t.Errorf("%+v", e)
				}
				ends <- time.Since(start)
			}()
		}
		last := time.Duration(0)
		for range 4 {
			end := <-ends
			if end < last+time.Second && last > 0 {
				t.Errorf("%v after %v: not spread", end, last)
			}
			last = end
		}
		if last > 10*time.Second {
			t.Errorf("the last one left after %v", last)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}

		res := s.request("GET", "/v1/poll?token=ann&channels=a", "")
		body := string(s.read(res))
		if res.StatusCode != 200 || !res.Close || strings.Contains(body, `"retry":0`) || time.Since(start) > 11*time.Second {
			t.Errorf("poll while draining: %d, close %v, %s", res.StatusCode, res.Close, body)
		}
		for _, path := range []string{"/v1/sse", "/v1/http-stream", "/v1/ws"} {
			res := s.request("GET", path+"?token=ann&channels=a", "")
			if body := string(s.read(res)); res.StatusCode != 503 || !strings.Contains(body, `"draining"`) {
				t.Errorf("%s while draining: %d %s", path, res.StatusCode, body)
			}
		}
	})
}

func TestDrainEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		l := s.webSocket("token=ann&channels=a", nil)
		expect(l, "welcome")
		expect(l, "subscribed")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		// Nobody reads the close frame, so it cannot be sent.
		if err := s.server.Drain(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("drain: %v", err)
		}
		start := time.Now()
		if err := s.server.Close(); err != nil || time.Since(start) > 4*time.Second {
			t.Errorf("close: %v after %v", err, time.Since(start))
		}
	})
}

// A publish that is under way is answered before its connection is closed.
func TestDrainFinishesCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		s.broker.delay = 3 * time.Second
		l := s.webSocket("token=ann", nil)
		expect(l, "welcome")
		l.send(`{"type":"publish","ref":1,"channel":"a","data":1}`)
		synctest.Wait()
		drained := make(chan error)
		go func() { drained <- s.server.Drain(context.Background(), 0) }()
		if e := expect(l, "ok"); e.Pos.Offset != 1 {
			t.Errorf("%+v", e)
		}
		if code, _ := l.closed(); code != 1012 {
			t.Errorf("closed with %d", code)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}

// A socket whose handshake is under way when the server begins to drain is not left behind.
func TestDrainSeesWhoComesBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *site
		drained := make(chan error, 1)
		s = open(t, setup{pipes: true, Options: transport.Options{Heartbeat: time.Hour, Authenticate: func(token string) (transport.Identity, error) {
			go func() { drained <- s.server.Drain(context.Background(), time.Second) }()
			time.Sleep(time.Millisecond) // Drain has looked who is there
			return authenticate(token)
		}}})
		l := s.webSocket("token=ann&channels=a", nil)
		if code, _ := l.closed(); code != 1012 {
			t.Errorf("closed with %d", code)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}
