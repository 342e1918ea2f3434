package load

// Fanout publishes to a channel that all clients are on, over WebSocket: what one message to
// many costs.
var Fanout = Workload{Name: "fanout", Transport: "WebSocket", open: openSocket, Rate: 20, publish: forAWhile}
