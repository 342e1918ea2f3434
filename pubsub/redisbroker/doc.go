// Package redisbroker is the broker that several instances share: the logs are kept in Redis
// (one node, Sentinel or Cluster), and what is appended is announced through its pub/sub.
//
//	broker, err := redisbroker.New(redisbroker.Options{Addrs: []string{"localhost:6379"}})
//	bridge := bridge.New(broker, bridge.Options{})
//	err = bridge.Start(ctx) // pubsub.ErrUnavailable: Redis is away, try again
//	…
//	bridge.Close()
//
// # Where things stand in Redis
//
// All keys of a channel carry its name as their hash tag, so that they share a slot of a
// Cluster and one script can change them in one step:
//
//	PREFIX:v1:{CHANNEL}          the record, a hash: where the log begins and ends; also the topic
//	PREFIX:v1:{CHANNEL}:log      the log, a stream; an entry's id is OFFSET-0
//	PREFIX:v1:{CHANNEL}:key:KEY  what was answered to an idempotency key
//	PREFIX:v1:instance:{ID}      the subscribers of one instance, channel by channel
//	PREFIX:v1:instances          the instances, by the time they were last seen
//	PREFIX:v1:inbox:{ID}         the topic of datagrams to one instance
//	PREFIX:v1:shared:{KEY}       what an instance tells the others for a while
//	PREFIX:format                the version of all this
//
// What is stored in the log is announced byte for byte (see entry.go). A log without its
// record is one that nobody can place: it starts a new epoch. A record without its log says
// that everything up to the end is gone: a gap.
//
// # Publishing
//
// One script a message (scripts/publish.lua) appends, trims and announces in one step. The
// scripts of concurrent publishes leave in pipelines: lanes take what waits, each for its
// share of the slots, one pipeline at a time. So a channel's publications of one instance
// reach Redis in order, which lets the script tell a repeat from a new one by a number.
//
// # Receiving
//
// Announcements are a hint; the log is the truth. A few subscription lines carry all
// channels that are followed here. Whatever may have cost an announcement — a line that
// broke, a canary that did not come back, a slot that moved — ends with reading where the
// logs end on the master and a Break for those that are further than was announced.
//
// # Cancellation and limits
//
// A call ends with its context; a publication that was sent by then has an unknown outcome.
// Every call is answered within five seconds. At most 32,768 publications or 64 MiB wait to
// be sent; beyond, they are refused with [pubsub.ErrUnavailable]. Offsets and sums of bytes are
// exact up to 2^53, since they pass through Lua.
package redisbroker
