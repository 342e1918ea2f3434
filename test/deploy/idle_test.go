package deploy

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/test/deploy/balancer"
	"github.com/wsbridge/wsbridge/test/testserver"
)

// scaled are the configured 75 s at a 25th. The default heartbeat would be a second.
var scaled = []string{"75s", "3s"}

// A held line is one of a transport that can be silent.
type held struct {
	raw.Transport
	*raw.Line
}

// idle opens one of each, with polls that are held for so long. WebSockets come first: they answer
// pings while they are read, and who reads others for several heartbeats is taken for dead.
func idle(t *testing.T, url string, wait time.Duration) (lines []held) {
	for _, transport := range []raw.Transport{raw.WebSocket, raw.SSE, raw.HTTPStream, raw.LongPoll} {
		o := way{Transport: transport}.options(url, "a")
		o.Wait = wait
		line := open(t, o)
		until(t, line, raw.Welcome)
		lines = append(lines, held{transport, line})
	}
	return lines
}

// TestIdleConnectionsStay: heartbeats keep a connection open for longer than any timeout, and
// so do polls that are shorter.
func TestIdleConnectionsStay(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		server := testserver.Start(t, "WSBRIDGE_HEARTBEAT=1s")
		b := balancer.Start(t, kind, []string{server.Addr}, scaled...)
		for _, line := range idle(t, b.URL(""), 2*time.Second) {
			beats := 5
			if line.Transport == raw.LongPoll {
				beats = 3 // the answers of the first poll, which is not held, and of two that are
			}
			for range beats {
				until(t, line.Line, raw.Heartbeat)
			}
		}
	})
}

// TestSilentConnectionsAreCut is the control of TestIdleConnectionsStay: it is the heartbeat
// that keeps them, and the timeouts that were scaled are those in force.
func TestSilentConnectionsAreCut(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		server := testserver.Start(t, "WSBRIDGE_HEARTBEAT=10m")
		b := balancer.Start(t, kind, []string{server.Addr}, scaled...)
		// The poll first: while others are read, it is not sent, and its connection is cut for that.
		for _, line := range slices.Backward(idle(t, b.URL(""), 50*time.Second)) {
			ctx := patient(t)
			var err error
			for err == nil {
				_, err = line.Next(ctx)
			}
			if ctx.Err() != nil {
				t.Errorf("%v is still open", line.Transport)
			}
			if refused := new(raw.Refused); line.Transport == raw.LongPoll && (!errors.As(err, &refused) || refused.Status != http.StatusGatewayTimeout) {
				t.Errorf("%v ended with %v", line.Transport, err)
			}
		}
	})
}
