package metrics

import (
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestSourcesAreAskedAtEachScrape(t *testing.T) {
	status := pubsub.Status{}
	stopping := false
	m := New("dev")
	m.Watch(Sources{
		Status:   func() pubsub.Status { return status },
		Load:     func() (int, int) { return 3, 7 },
		LogBytes: func() int64 { return 4096 },
		LogLimit: 1 << 20,
		Draining: func() bool { return stopping },
	})
	for name, want := range map[string]string{
		"wsbridge_broker_up": "1", "wsbridge_channels": "3", "wsbridge_subscriptions": "7",
		"wsbridge_log_bytes": "4096", "wsbridge_log_limit_bytes": "1.048576e+06",
	} {
		counts(t, m, name, map[string]string{"": want})
	}
	counts(t, m, "wsbridge_draining", nil)

	stopping, status.State = true, pubsub.Degraded
	counts(t, m, "wsbridge_draining", map[string]string{"": "1"})
	counts(t, m, "wsbridge_broker_up", map[string]string{"": "1"})
	counts(t, m, "wsbridge_broker_degraded", map[string]string{"": "1"})

	status.State = pubsub.Down
	counts(t, m, "wsbridge_broker_up", nil)
	counts(t, m, "wsbridge_broker_degraded", nil)
}
