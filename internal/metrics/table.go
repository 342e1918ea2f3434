package metrics

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Types of a [Metric].
const (
	Counter   = "counter"
	Gauge     = "gauge"
	Histogram = "histogram"
)

// A Metric is one line of the table that operators read.
type Metric struct {
	Name   string
	Type   string
	Help   string
	Labels []string
}

var table []Metric

// All returns every metric of the package. What the Go runtime and the process tell comes
// beside them, as go_… and process_….
func All() []Metric { return slices.Clone(table) }

func describe(kind, name, help string, labels ...string) Metric {
	m := Metric{Name: name, Type: kind, Help: help, Labels: labels}
	table = append(table, m)
	return m
}

var (
	buildInfo = describe(Gauge, "wsbridge_build_info",
		"Always 1. The labels say which build runs.", "version", "goversion")

	connections = describe(Gauge, "wsbridge_connections",
		"Clients connected now; for poll, requests; for long-poll, those that are held, and sessions that wait up to 2 s for the next one.", "transport")
	connectionsOpened = describe(Counter, "wsbridge_connections_opened_total",
		"Connections that were accepted; for poll, requests; for long-poll, sessions, which may go on over several requests of one connection.", "transport")
	connectionsClosed = describe(Counter, "wsbridge_connections_closed_total",
		"Connections that ended, by close code. 1000: as agreed, 1006: the line broke.", "transport", "code")
	connectionsRefused = describe(Counter, "wsbridge_connections_refused_total",
		"Connections and requests of clients that were refused, by the code they were told.", "transport", "code")

	limitsReached = describe(Counter, "wsbridge_limited_total",
		"Connections, requests and commands of clients that a limit refused, by the limit.", "limit")

	messagesPublished = describe(Counter, "wsbridge_messages_published_total",
		"Messages that were to be published, by what became of them: stored, duplicate, or why not.", "result")
	publishSeconds = describe(Histogram, "wsbridge_publish_seconds",
		"Time until the broker answered a publish or a batch, in seconds.")
	messagesDelivered = describe(Counter, "wsbridge_messages_delivered_total",
		"Messages written to clients.", "transport")
	deliveryLatency = describe(Histogram, "wsbridge_delivery_latency_seconds",
		"Time from the broker's clock at publishing to the write to a client, in seconds: of the oldest message of each write.")
	gaps = describe(Counter, "wsbridge_gaps_total",
		"Gaps that clients were told of.", "reason")

	brokerUp = describe(Gauge, "wsbridge_broker_up",
		"1 while the logs can be read, else 0.")
	brokerDegraded = describe(Gauge, "wsbridge_broker_degraded",
		"1 while announcements are dead and clients are served by reading logs, else 0.")
	channels = describe(Gauge, "wsbridge_channels",
		"Channels that have a subscriber on this instance.")
	subscriptions = describe(Gauge, "wsbridge_subscriptions",
		"Subscriptions of all clients of this instance.")
	logBytes = describe(Gauge, "wsbridge_log_bytes",
		"Memory of all logs of the embedded broker, positions counted. 0 with Redis.")
	logLimitBytes = describe(Gauge, "wsbridge_log_limit_bytes",
		"What wsbridge_log_bytes never exceeds. 0 with Redis.")
	draining = describe(Gauge, "wsbridge_draining",
		"1 from SIGTERM until the end, else 0.")

	redisAnnouncements = describe(Counter, "wsbridge_redis_announcements_total",
		"What Redis announced to this instance. 0 with the embedded broker, as are the other numbers of Redis.")
	redisBreaks = describe(Counter, "wsbridge_redis_breaks_total",
		"Times that announcements of a channel were not enough and its log had to be read, by why.", "reason")
	redisReconnects = describe(Counter, "wsbridge_redis_reconnects_total",
		"Subscription lines to Redis that ended and were made anew.")
	redisLinesDead = describe(Gauge, "wsbridge_redis_lines_dead",
		"Subscription lines that announce nothing now: logs are read instead.")
	redisPublishesWaiting = describe(Gauge, "wsbridge_redis_publishes_waiting",
		"Publishes that Redis has not answered yet.")

	streams = describe(Gauge, "wsbridge_streams",
		"Streams that are being sent to this instance.")
	streamConsumers = describe(Gauge, "wsbridge_stream_consumers",
		"Clients of this instance that are reading a stream.")
	streamWindowBytes = describe(Gauge, "wsbridge_stream_window_bytes",
		"What the windows of streams may take now; it never exceeds WSBRIDGE_STREAM_MEMORY.")
	streamsEnded = describe(Counter, "wsbridge_streams_ended_total",
		"Streams sent to this instance that have ended: complete, or why they were cut.", "result")
	streamBytes = describe(Counter, "wsbridge_stream_bytes_total",
		"Bytes of streams sent to this instance, counted at their end.")
	streamConsumersEnded = describe(Counter, "wsbridge_stream_consumers_ended_total",
		"Clients that have read a stream: complete, left by themselves, or why they were cut.", "result")
	streamsRefused = describe(Counter, "wsbridge_streams_refused_total",
		"Streams that were not taken, and readers: the sender has too many, the instance has, or it is closed.", "reason")

	httpRequests = describe(Counter, "wsbridge_http_requests_total",
		"HTTP requests that were answered, by route pattern, method and status.", "route", "method", "code")
)

func (m Metric) counters() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.Labels)
}

func (m Metric) gauges() *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.Name, Help: m.Help}, m.Labels)
}

func (m Metric) gauge(read func() float64) prometheus.GaugeFunc {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: m.Name, Help: m.Help}, read)
}

func (m Metric) desc() *prometheus.Desc {
	return prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)
}

func (m Metric) histogram(buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: buckets})
}
