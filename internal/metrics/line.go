package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// transports are the values of the label of that name. "send" is refused only.
var transports = []string{"websocket", "sse", "http-stream", "long-poll", "poll", "send"}

// protocolCodes are the close codes of RFC 6455, section 7.4.1, that a connection can end
// with beside those of wsbridge itself.
var protocolCodes = []wire.CloseCode{1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011}

// refusals are the codes that clients are refused with. Others that the server may name
// appear when they happen.
var refusals = []problem.Code{
	problem.BadRequest, problem.BadChannel, problem.BadCursor, problem.TooManyChannels, problem.Origin,
	problem.Unauthorized, problem.TokenInvalid, problem.TokenExpired, problem.Forbidden, problem.TooLarge,
	problem.RateLimited, problem.OverCapacity, problem.Unavailable, problem.Draining,
}

// A line holds the series of one transport, so that counting looks no label up.
type line struct {
	connected prometheus.Gauge
	opened    prometheus.Counter
	delivered prometheus.Counter
	closed    map[int]prometheus.Counter // never changed
	strange   prometheus.Counter         // closed with a code that a peer made up
}

func (m *Metrics) registerLines() {
	connected, opened := connections.gauges(), connectionsOpened.counters()
	closed, delivered := connectionsClosed.counters(), messagesDelivered.counters()
	m.lines = make(map[string]*line)
	for _, t := range append(transports, Other) {
		l := &line{
			connected: connected.WithLabelValues(t),
			opened:    opened.WithLabelValues(t),
			delivered: delivered.WithLabelValues(t),
			closed:    make(map[int]prometheus.Counter),
			strange:   closed.WithLabelValues(t, Other),
		}
		for _, code := range append(wire.CloseCodes(), protocolCodes...) {
			l.closed[int(code)] = closed.WithLabelValues(t, strconv.Itoa(int(code)))
		}
		for _, code := range refusals {
			m.refused.WithLabelValues(t, string(code))
		}
		m.lines[t] = l
	}
	m.registry.MustRegister(connected, opened, closed, delivered)
}

func (m *Metrics) line(transport string) *line {
	if l := m.lines[transport]; l != nil {
		return l
	}
	return m.lines[Other]
}

// Opened counts a connection that was accepted. Closed follows.
func (m *Metrics) Opened(transport string) {
	l := m.line(transport)
	l.opened.Inc()
	l.connected.Inc()
}

// Closed counts the end of a connection, by its close code.
func (m *Metrics) Closed(transport string, code int) {
	l := m.line(transport)
	l.connected.Dec()
	if c := l.closed[code]; c != nil {
		c.Inc()
	} else {
		// Clients may close with 3000 to 4999 as they like, and would make a series of each.
		l.strange.Inc()
	}
}

// Refused counts a client that was not let in. code is one of the server's stable codes.
func (m *Metrics) Refused(transport, code string) {
	if m.lines[transport] == nil {
		transport = Other
	}
	m.refused.WithLabelValues(transport, code).Inc()
}

// Delivered counts messages that were written to a client. oldest is when the oldest of
// them was published, by the broker's clock; zero when that says nothing about latency,
// since the client is catching up.
func (m *Metrics) Delivered(transport string, messages int, oldest time.Time) {
	m.line(transport).delivered.Add(float64(messages))
	if !oldest.IsZero() {
		m.latency.Observe(max(0, time.Since(oldest).Seconds()))
	}
}
