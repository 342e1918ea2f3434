package deploy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/test/deploy/balancer"
	"github.com/wsbridge/wsbridge/test/testserver"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// TestDrain stops one of two instances in order while clients come and backends publish. No
// request fails, a publish without a key neither, and who was connected is told to come back.
func TestDrain(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		env := []string{"WSBRIDGE_DRAIN_DELAY=3s", "WSBRIDGE_DRAIN=1s"}
		leaving, staying := testserver.Start(t, env...), testserver.Start(t, "WSBRIDGE_DRAIN_DELAY=0s")
		b := balancer.Start(t, kind, []string{leaving.Addr, staying.Addr})

		var lines []*raw.Line
		for range attempts {
			line := open(t, way{Transport: raw.WebSocket}.options(b.URL(""), "a"))
			until(t, line, raw.Subscribed)
			lines = append(lines, line)
		}
		connected := subscribers(t, leaving.URL(""), "a")
		if connected == 0 || connected == attempts {
			t.Fatalf("%d of %d are connected to the instance that leaves", connected, attempts)
		}

		leaving.Terminate()
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			leaving.Wait(t)
		}()
		rounds := 0
		for going := true; going; rounds++ {
			select {
			case <-stopped:
				going = false // and once more without it
			default:
			}
			publish(t, b.URL(""), "b", "application/json", []byte("1"))
			for _, w := range ways {
				line := open(t, w.options(b.URL(""), pubsub.Channel(fmt.Sprintf("c:%d", rounds))))
				until(t, line, raw.Welcome)
				line.CloseNow()
			}
		}
		t.Logf("%d rounds", rounds)
		publish(t, staying.URL(""), "a", "application/json", []byte("1"))
		sent := 0
		for _, line := range lines {
			ctx := patient(t)
			e, err := line.Next(ctx)
			for err == nil && e.Message == nil {
				e, err = line.Next(ctx)
			}
			if err == nil {
				continue // it stayed
			}
			if closed := new(raw.CloseError); !errors.As(err, &closed) || closed.Code != wire.CloseRestart {
				t.Errorf("a client was left with %v", err)
			}
			sent++
		}
		if sent != connected {
			t.Errorf("%d of %d clients were sent away", sent, connected)
		}

		leaving.Restart(t)
		eventually(t, "the instance is given requests again", func() bool {
			publish(t, b.URL(""), "d", "application/json", []byte(`"again"`))
			return strings.Contains(ask(t, leaving.URL("/v1/channels/d/messages"), "").body, "again")
		})
	})
}
