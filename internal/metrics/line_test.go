package metrics

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func TestConnections(t *testing.T) {
	m := New("dev")
	m.Opened("sse")
	m.Opened("sse")
	m.Opened("websocket")
	m.Closed("sse", int(wire.CloseTooSlow))
	m.Opened("carrier pigeon")
	m.Refused("poll", "token_expired")
	m.Refused("carrier pigeon", "forbidden")

	counts(t, m, "wsbridge_connections", map[string]string{
		`{transport="sse"}`: "1", `{transport="websocket"}`: "1", `{transport="other"}`: "1",
	})
	counts(t, m, "wsbridge_connections_opened_total", map[string]string{
		`{transport="sse"}`: "2", `{transport="websocket"}`: "1", `{transport="other"}`: "1",
	})
	counts(t, m, "wsbridge_connections_closed_total", map[string]string{labels("code", "4208", "transport", "sse"): "1"})
	counts(t, m, "wsbridge_connections_refused_total", map[string]string{
		labels("code", "token_expired", "transport", "poll"): "1",
		labels("code", "forbidden", "transport", "other"):    "1",
	})
}

func TestCloseCodesOfClientsMakeNoSeries(t *testing.T) {
	m := New("dev")
	before := len(series(t, m, "wsbridge_connections_closed_total"))
	for code := 3000; code < 5000; code++ {
		m.Opened("websocket")
		m.Closed("websocket", code)
	}
	after := series(t, m, "wsbridge_connections_closed_total")
	if len(after) != before {
		t.Errorf("%d series became %d", before, len(after))
	}
	if got := after[labels("code", "other", "transport", "websocket")]; got == "0" {
		t.Error("codes that nobody knows were not counted")
	}
}

func TestEverySeriesBeginsAtZero(t *testing.T) {
	m := New("dev")
	for _, transport := range transports {
		for _, code := range wire.CloseCodes() {
			at := labels("code", strconv.Itoa(int(code)), "transport", transport)
			if got := series(t, m, "wsbridge_connections_closed_total")[at]; got != "0" {
				t.Fatalf("%s is %q", at, got)
			}
		}
	}
	for _, reason := range []pubsub.Reason{"trimmed", "overflow", "rollback", "epoch", "purged"} {
		if got := series(t, m, "wsbridge_gaps_total")[labels("reason", string(reason))]; got != "0" {
			t.Errorf("gap %s is %q", reason, got)
		}
	}
}

func TestGaps(t *testing.T) {
	m := New("dev")
	m.Gap(pubsub.Rollback)
	m.Gap(pubsub.Rollback)
	m.Gap("made up")
	counts(t, m, "wsbridge_gaps_total", map[string]string{`{reason="rollback"}`: "2"})
}

func TestDeliveryLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New("dev")
		m.Delivered("long-poll", 3, time.Now().Add(-30*time.Millisecond))
		m.Delivered("long-poll", 500, time.Time{})                      // catching up says nothing
		m.Delivered("websocket", 1, time.Now().Add(2*time.Millisecond)) // the broker's clock is ahead
		counts(t, m, "wsbridge_messages_delivered_total", map[string]string{
			`{transport="long-poll"}`: "503", `{transport="websocket"}`: "1",
		})
		counts(t, m, "wsbridge_delivery_latency_seconds_count", map[string]string{"": "2"})
		counts(t, m, "wsbridge_delivery_latency_seconds_sum", map[string]string{"": "0.03"})
	})
}
