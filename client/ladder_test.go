package client

import (
	"fmt"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func TestLadder(t *testing.T) {
	start := time.Unix(1700000000, 0)
	for _, tt := range []struct {
		name    string
		allowed []Transport
		before  func(l *ladder)
		after   time.Duration
		want    string
	}{
		{"at first", raw.Transports(), func(*ladder) {}, 0, "[[websocket] [sse http-stream long-poll] [poll]]"},
		{"only one", []Transport{SSE}, func(*ladder) {}, 0, "[[sse]]"},
		{"only polls", []Transport{LongPoll, Poll}, func(*ladder) {}, 0, "[[long-poll] [poll]]"},
		{"behind what worked", raw.Transports(), func(l *ladder) { l.worked(LongPoll, start) }, 29 * time.Minute, "[[long-poll] [websocket sse http-stream] [poll]]"},
		{"long after", raw.Transports(), func(l *ladder) { l.worked(LongPoll, start) }, 31 * time.Minute, "[[websocket] [sse http-stream long-poll] [poll]]"},
		{"when a poll worked", raw.Transports(), func(l *ladder) { l.worked(Poll, start) }, 0, "[[poll] [websocket sse http-stream long-poll]]"},
		{"when streams are held back", raw.Transports(), func(l *ladder) {
			l.worked(SSE, start)
			l.ended(SSE, silence{55 * time.Second}, 55*time.Second, false, start)
		}, 14 * time.Minute, "[[websocket] [long-poll] [poll]]"},
		{"later", raw.Transports(), func(l *ladder) { l.ended(SSE, silence{55 * time.Second}, 55*time.Second, false, start) }, 15 * time.Minute,
			"[[websocket] [sse http-stream long-poll] [poll]]"},
		{"when a line that was alive is dead", raw.Transports(), func(l *ladder) {
			l.worked(SSE, start)
			l.ended(SSE, silence{55 * time.Second}, time.Hour, true, start)
		}, 0, "[[sse] [websocket http-stream long-poll] [poll]]"},
		{"when lines broke soon", raw.Transports(), func(l *ladder) { strike(l, WebSocket, 3, start) }, 59 * time.Second, "[[sse] [http-stream long-poll] [poll]]"},
		{"a minute later", raw.Transports(), func(l *ladder) { strike(l, WebSocket, 3, start) }, time.Minute, "[[websocket] [sse http-stream long-poll] [poll]]"},
		{"the second time", raw.Transports(), func(l *ladder) { strike(l, WebSocket, 6, start) }, 119 * time.Second, "[[sse] [http-stream long-poll] [poll]]"},
		{"not in a row", raw.Transports(), func(l *ladder) {
			strike(l, WebSocket, 2, start)
			l.ended(WebSocket, raw.ErrBroken, time.Minute, true, start)
			strike(l, WebSocket, 2, start)
		}, 0, "[[websocket] [sse http-stream long-poll] [poll]]"},
		{"when the server said why", raw.Transports(), func(l *ladder) {
			for range 5 {
				l.ended(WebSocket, &CloseError{Code: wire.CloseRestart}, time.Second, false, start)
				l.ended(WebSocket, &Refused{Code: "unavailable"}, time.Second, false, start)
			}
		}, 0, "[[websocket] [sse http-stream long-poll] [poll]]"},
		{"when all that is allowed is left out", []Transport{WebSocket, SSE}, func(l *ladder) {
			strike(l, WebSocket, 3, start)
			strike(l, SSE, 3, start)
		}, 0, "[[sse]]"},
	} {
		l := newLadder(tt.allowed)
		tt.before(&l)
		if got := fmt.Sprint(l.stages(start.Add(tt.after))); got != tt.want {
			t.Errorf("%s: %s, expected %s", tt.name, got, tt.want)
		}
	}
}

func strike(l *ladder, t Transport, times int, now time.Time) {
	for range times {
		l.ended(t, raw.ErrBroken, 3*time.Second, false, now)
	}
}

func TestLongPollsAreHeldForAsLongAsTheyLive(t *testing.T) {
	l := newLadder(raw.Transports())
	var held []time.Duration
	for range 5 {
		held = append(held, l.hold)
		l.ended(LongPoll, &Refused{Status: 504}, time.Minute, true, time.Now())
	}
	want := "[25s 12.5s 6.25s 5s 5s]"
	if got := fmt.Sprint(held); got != want {
		t.Errorf("held for %s, expected %s", got, want)
	}
}

func TestBetterTransports(t *testing.T) {
	now := time.Unix(1700000000, 0)
	l := newLadder(raw.Transports())
	l.worked(WebSocket, now)
	if !l.probe.IsZero() {
		t.Error("there is nothing better than a WebSocket, and it is to be tried")
	}
	l.worked(LongPoll, now)
	if got := fmt.Sprint(l.better(now)); got != "[websocket sse http-stream]" || !l.probe.Equal(now.Add(time.Minute)) {
		t.Errorf("%s are tried %v later", got, l.probe.Sub(now))
	}
	var later []time.Duration
	for range 6 {
		l.probed(now)
		later = append(later, l.probe.Sub(now))
	}
	if got := fmt.Sprint(later); got != "[2m0s 4m0s 8m0s 15m0s 15m0s 15m0s]" {
		t.Errorf("then after %s", got)
	}
}
