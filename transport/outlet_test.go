package transport_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
)

func TestSlowWebSocketIsClosedAlone(t *testing.T) {
	s := open(t, setup{bridge: bridge.Options{Stall: 500 * time.Millisecond}})
	stalled := s.webSocket("token=ann&channels=a", nil)
	expect(stalled, "welcome")
	expect(stalled, "subscribed")

	// The others read in step with the publisher, so that none of them ever falls behind.
	const others, rounds, burst = 10, 40, 8 // 20 MiB, more than any socket's buffers
	data := pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, 64<<10)}
	lines := make([]*socketLine, others)
	for i := range lines {
		lines[i] = s.webSocket("token=ann&channels=a", nil)
		expect(lines[i], "welcome")
		expect(lines[i], "subscribed")
	}
	for round := range rounds {
		for range burst {
			s.publishData("a", data)
		}
		var reading sync.WaitGroup
		for _, l := range lines {
			reading.Go(func() {
				for i := range burst {
					want := uint64(round*burst + i + 1)
					if e, err := l.read(); err != nil || e.Message == nil || e.Message.Pos.Offset != want {
						t.Errorf("message %d: %+v %v", want, e, err)
						return
					}
				}
			})
		}
		reading.Wait()
		if t.Failed() {
			return
		}
	}
	s.awaitClosed("websocket", 4208)
	s.await("open", others, func(l *ledger) int { return l.opened["websocket"] - l.closed["websocket 4208"] })
}

// A client that reads again in time hears why it is closed, and when to come back.
func TestSlowWebSocketIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true, bridge: bridge.Options{Queue: 64 << 10}})
		l := s.webSocket("token=ann&channels=a", nil)
		expect(l, "welcome")
		expect(l, "subscribed")
		data := `"` + strings.Repeat("x", 8<<10) + `"`
		for range 50 {
			s.publish("a", data)
		}
		time.Sleep(6 * time.Second) // stopped after 5
		if code, reason := l.closed(); code != 4208 || reason != "retry=1000" {
			t.Errorf("closed with %d %q", code, reason)
		}
		s.awaitClosed("websocket", 4208)
	})
}

func TestWebSocketWriteThatGetsNowhereEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		l := s.webSocket("token=ann&channels=a", nil)
		expect(l, "welcome")
		expect(l, "subscribed")
		start := time.Now()
		s.publish("a", `"`+strings.Repeat("x", 200<<10)+`"`) // more than is buffered on the way
		s.awaitClosed("websocket", 4208)
		if took := time.Since(start); took < 30*time.Second || took > 32*time.Second {
			t.Errorf("ended after %v", took)
		}
	})
}

// Catching up is as slow as the client, and never counts as too slow.
func TestSlowLineCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		data := `"` + strings.Repeat("x", 32<<10) + `"`
		for range 200 { // 6.5 MiB
			s.publish("a", data)
		}
		l := s.webSocket("token=ann&cursor=a@0", nil)
		expect(l, "welcome")
		expect(l, "subscribed")
		for i := 0; i < 200; {
			time.Sleep(300 * time.Millisecond)
			e := l.next()
			if e.Type == "heartbeat" {
				continue
			}
			if i++; e.Message == nil || e.Message.Pos.Offset != uint64(i) {
				t.Fatalf("message %d: %+v", i, e)
			}
		}
	})
}

// Several messages that wait leave in one write.
func TestWaitingMessagesLeaveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		l := s.webSocket("token=ann&channels=a", nil)
		expect(l, "welcome")
		expect(l, "subscribed")
		for i := range 50 {
			s.publish("a", fmt.Sprint(i))
		}
		synctest.Wait() // the first write waits for a reader, the rest in the queue
		nc, buf := l.raw(), make([]byte, 64<<10)
		for writes := 1; ; writes++ {
			n, err := nc.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(buf[:n], []byte(`"data":49,`)) {
				if writes > 2 {
					t.Errorf("50 messages left in %d writes", writes)
				}
				return
			}
		}
	})
}

// A client that sends commands and reads no answer is not read from for long.
func TestCommandsOfAClientThatDoesNotReadWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		data := `"` + strings.Repeat("x", 100<<10) + `"`
		for range 5 {
			s.publish("a", data)
		}
		l := s.webSocket("token=ann", nil)
		expect(l, "welcome")
		sent := 0
		command := websocket.AppendMaskedFrame(nil, websocket.OpText, true, false, []byte(`{"type":"history","ref":1,"channel":"a"}`), [4]byte{1, 2, 3, 4})
		nc := l.raw()
		nc.SetWriteDeadline(time.Now().Add(time.Minute))
		for ; sent < 1000; sent++ {
			if _, err := nc.Write(command); err != nil {
				break
			}
		}
		if sent > 100 {
			t.Errorf("%d commands were taken", sent)
		}
		s.awaitClosed("websocket", 4208)
	})
}

// A command that waits for the client to read keeps nobody from sending the client away.
func TestClientWhoseCommandsWaitIsSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		data := `"` + strings.Repeat("x", 100<<10) + `"`
		for range 5 {
			s.publish("a", data)
		}
		l := s.webSocket("token=ann", nil)
		expect(l, "welcome")
		command := websocket.AppendMaskedFrame(nil, websocket.OpText, true, false, []byte(`{"type":"history","ref":1,"channel":"a"}`), [4]byte{1, 2, 3, 4})
		if _, err := l.raw().Write(bytes.Repeat(command, 20)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // some are answered, and the next waits until those were read
		drained := make(chan error, 1)
		go func() { drained <- s.server.Drain(context.Background(), time.Millisecond) }()
		synctest.Wait()
		if code, _ := l.closed(); code != 1012 {
			t.Errorf("closed with %d", code)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}

func TestConfirmationStandsInFrontOfMessages(t *testing.T) {
	s := open(t, setup{})
	var publishing sync.WaitGroup
	stop := make(chan struct{})
	publishing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				s.publish("a", "1")
			}
		}
	})
	defer func() { close(stop); publishing.Wait() }()

	l := s.webSocket("token=ann", nil)
	expect(l, "welcome")
	var at pubsub.Position
	for i := range 30 {
		l.send(`{"type":"subscribe","ref":1,"channel":"a"}`)
		at = expect(l, "subscribed").Pos
		for range 5 {
			m := expect(l, "message").Message
			if m.Pos.Offset != at.Offset+1 {
				t.Fatalf("round %d: %v behind %v", i, m.Pos, at)
			}
			at = m.Pos
		}
		l.send(`{"type":"unsubscribe","ref":2,"channel":"a"}`)
		for l.next().Type != "ok" { // messages that came before the command
		}
	}
}
