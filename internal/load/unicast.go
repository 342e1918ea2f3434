package load

// Unicast publishes to clients one by one, each on a channel of its own, over WebSocket: what
// many messages to one each cost.
var Unicast = Workload{Name: "unicast", Transport: "WebSocket", open: openSocket, own: true, Rate: 1000, publish: forAWhile}
