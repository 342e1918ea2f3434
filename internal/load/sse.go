package load

// SSE publishes to a channel that all clients are on, over server-sent events.
var SSE = Workload{Name: "sse", Transport: "server-sent events", open: openEventStream, Rate: 20, publish: forAWhile}
