package load

// LongPoll publishes to clients one by one, each on a channel of its own, over long polling:
// each delivery is a whole request and its answer.
var LongPoll = Workload{Name: "long-poll", Transport: "long polling", open: openPoll, own: true, Rate: 500, publish: forAWhile}
