package transport_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/transport"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// limitedSocket is a client on virtual time.
func limitedSocket(t *testing.T, l transport.Limits) (*site, *socketLine) {
	s := open(t, setup{pipes: true, Options: transport.Options{Limits: l, MaxMessage: 1 << 10}})
	c := s.webSocket("token=ann", nil)
	expect(c, "welcome")
	return s, c
}

// A client has ten seconds' worth of commands, is told of each beyond, and may go on when it
// waits.
func TestCommandRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := limitedSocket(t, transport.Limits{CommandRate: 2})
		answers := func(n int) (ok, refused int) {
			for i := range n {
				c.send(`{"type":"unsubscribe","ref":%d,"channel":"a"}`, i)
			}
			for range n {
				switch e := c.next(); {
				case e.Type == "ok":
					ok++
				case e.Type == "error" && e.Code == "rate_limited" && e.Ref != "":
					refused++
				default:
					t.Fatalf("got %+v", e)
				}
			}
			return ok, refused
		}
		if ok, refused := answers(25); ok != 20 || refused != 5 {
			t.Errorf("of 25 at once %d were obeyed, %d refused; want 20 and 5", ok, refused)
		}
		s.await("limited", 5, func(l *ledger) int { return l.limited["command_rate"] })
		time.Sleep(5 * time.Second) // 10 come back, of which those refused took 5
		if ok, refused := answers(6); ok != 5 || refused != 1 {
			t.Errorf("of 6 after 5 s %d were obeyed, %d refused; want 5 and 1", ok, refused)
		}
	})
}

// A client that goes on all the same is sent away, with a time to come back.
func TestCommandRateEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := limitedSocket(t, transport.Limits{CommandRate: 2})
		for i := range 41 {
			c.send(`{"type":"unsubscribe","ref":%d,"channel":"a"}`, i)
		}
		code, reason := c.closed()
		if retry := wire.ParseCloseReason(reason); code != 4129 || retry < 10*time.Second {
			t.Errorf("closed with %d %q", code, reason)
		}
		s.awaitClosed("websocket", 4129)
	})
}

// A client that waits a second after each refusal goes on for ever, as the protocol says.
func TestCommandRateSparesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := limitedSocket(t, transport.Limits{CommandRate: 1})
		obeyed := 0
		for i := range 200 {
			c.send(`{"type":"unsubscribe","ref":%d,"channel":"a"}`, i)
			e := c.next()
			if e.Type == "heartbeat" {
				e = c.next()
			}
			if e.Type == "ok" {
				obeyed++
			} else if e.Code == "rate_limited" {
				time.Sleep(time.Second)
			} else {
				t.Fatalf("got %+v", e)
			}
		}
		s.await("limited", 200-obeyed, func(l *ledger) int { return l.limited["command_rate"] })
		if obeyed < 10 || obeyed == 200 {
			t.Errorf("%d of 200 were obeyed", obeyed)
		}
	})
}

// The largest command passes whatever the rate is; the bytes behind it do not.
func TestByteRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := limitedSocket(t, transport.Limits{ByteRate: 1})
		large := `{"type":"publish","ref":1,"channel":"a","data":"` + strings.Repeat("x", 1000) + `"}` + strings.Repeat(" ", 60<<10)
		c.send("%s", large)
		expect(c, "ok")
		c.send("%s", large)
		if e := expect(c, "error"); e.Code != "rate_limited" {
			t.Errorf("got %+v", e)
		}
		s.await("limited", 1, func(l *ledger) int { return l.limited["byte_rate"] })
		c.send("%s", large)
		c.conn.WriteMessage(websocket.OpText, []byte(large))
		if code, _ := c.closed(); code != 4129 {
			t.Errorf("closed with %d", code)
		}
	})
}

// Pings cost answers, so they count as well.
func TestByteRateOfPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := limitedSocket(t, transport.Limits{ByteRate: 100})
		raw := c.raw()
		ping := websocket.AppendFrame(nil, websocket.OpPing, true, false, make([]byte, 100))
		ping[1] |= 0x80 // masked, with zeros
		ping = append(ping[:2:2], append([]byte{0, 0, 0, 0}, ping[2:]...)...)
		go func() {
			buf := make([]byte, 1<<16)
			for {
				if _, err := raw.Read(buf); err != nil {
					return
				}
			}
		}()
		for range 5000 {
			if _, err := raw.Write(ping); err != nil {
				break
			}
		}
		s.awaitClosed("websocket", 4129)
	})
}

func TestNoLimits(t *testing.T) {
	s := open(t, setup{})
	c := s.webSocket("token=ann", nil)
	expect(c, "welcome")
	for i := range 2000 {
		c.send(`{"type":"unsubscribe","ref":%d,"channel":"a"}`, i)
	}
	for range 2000 {
		expect(c, "ok")
	}
}
