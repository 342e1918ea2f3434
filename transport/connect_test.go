package transport_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestWebSocketConnectsByCommand(t *testing.T) {
	s := open(t, setup{})
	m := s.publish("a", "1")
	l := s.webSocket("", nil)
	l.send(`{"type":"connect","ref":1,"token":"ann","channels":["a"],"cursor":"a@0"}`)
	if e := expect(l, "ok"); e.Ref != "1" {
		t.Fatalf("%+v", e)
	}
	expect(l, "welcome")
	expect(l, "subscribed")
	if e := expect(l, "message"); e.Message.Pos != m.Pos {
		t.Fatalf("%+v", e.Message)
	}
}

func TestWebSocketJoinsTheChannelsOfItsToken(t *testing.T) {
	s := open(t, setup{})
	l := s.webSocket("token=joiner&channels=three", nil)
	expect(l, "welcome")
	for _, want := range []pubsub.Channel{"three", "one", "two"} {
		if e := expect(l, "subscribed"); e.Channel != want {
			t.Fatalf("%+v, want %s", e, want)
		}
	}
}

func TestWebSocketWithoutToken(t *testing.T) {
	s := open(t, setup{})
	t.Run("open channels of the query connect it", func(t *testing.T) {
		l := s.webSocket("channels=open:a", nil)
		expect(l, "welcome")
		expect(l, "subscribed")
		l.send(`{"type":"connect","ref":1,"token":"ann","channels":["a","open:a"]}`)
		expect(l, "ok")
		if e := expect(l, "welcome"); e.User != "ann" {
			t.Fatalf("%+v", e)
		}
		if e := expect(l, "subscribed"); e.Channel != "a" {
			t.Fatalf("%+v", e)
		}
		l.send(`{"type":"connect","ref":2,"token":"bob"}`)
		if e := expect(l, "error"); e.Code != "bad_request" || e.Ref != "2" {
			t.Fatalf("%+v", e)
		}
	})
	t.Run("another command connects it", func(t *testing.T) {
		l := s.webSocket("", nil)
		l.send(`{"type":"subscribe","ref":1,"channel":"open:b"}`)
		expect(l, "welcome")
		if e := expect(l, "subscribed"); e.Ref != "1" {
			t.Fatalf("%+v", e)
		}
		l.send(`{"type":"subscribe","ref":2,"channel":"a"}`)
		if e := expect(l, "error"); e.Code != "unauthorized" || e.Channel != "a" || e.Ref != "2" {
			t.Fatalf("%+v", e)
		}
	})
	t.Run("nothing closes it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, setup{pipes: true})
			l := s.webSocket("channels=a", nil)
			start := time.Now()
			if e := expect(l, "error"); e.Code != "unauthorized" {
				t.Errorf("%+v", e)
			}
			if code, _ := l.closed(); code != 4001 || time.Since(start) < 10*time.Second || time.Since(start) > 11*time.Second {
				t.Errorf("closed with %d after %v", code, time.Since(start))
			}
		})
	})
}

// A browser does not see why a handshake is refused, so it is completed first.
func TestWebSocketRefusals(t *testing.T) {
	for _, c := range []struct {
		name, query, command, code string
		close                      int
	}{
		{"bad token", "token=garbage", "", "token_invalid", 4001},
		{"expired token", "token=old", "", "token_expired", 4203},
		{"bad token in connect", "", `{"type":"connect","ref":1,"token":"garbage"}`, "token_invalid", 4001},
		{"forbidden channel", "token=reader&channels=a,secret", "", "forbidden", 4003},
		{"forbidden channel in connect", "", `{"type":"connect","ref":1,"token":"reader","channels":["secret"]}`, "forbidden", 4003},
		{"channel that needs a token", "", `{"type":"connect","ref":1,"channels":["a"]}`, "unauthorized", 4001},
		{"bad channel", "token=ann&channels=a,:b", "", "bad_channel", 4000},
		{"bad cursor", "token=ann&cursor=a@x", "", "bad_cursor", 4000},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, setup{})
			l := s.webSocket(c.query, nil)
			if c.command != "" {
				l.send("%s", c.command)
			}
			e := expect(l, "error")
			if e.Code != c.code || c.close == 4003 && e.Channel != "secret" {
				t.Errorf("%+v, want %s", e, c.code)
			}
			if c.command != "" && e.Ref != "1" {
				t.Errorf("ref %q", e.Ref)
			}
			if code, _ := l.closed(); code != c.close {
				t.Errorf("closed with %d, want %d", code, c.close)
			}
			s.awaitClosed("websocket", c.close)
		})
	}
}
