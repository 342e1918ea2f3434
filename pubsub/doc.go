// Package pubsub is the vocabulary of wsbridge: what a message is, where it
// stands in its channel, and what a Broker promises.
//
// A channel is an append-only log. Every message in it has a [Position], which
// is handed out to clients and comes back when they resume. A [Broker] keeps the
// logs and announces what is appended; package bridge is its only caller in
// production. The embedded broker is package membroker; every broker passes the
// conformance suite in package pubsubtest.
//
// The package holds types and contracts only. It starts no goroutine, keeps no
// state and does no I/O, and every value in it is safe to share once built.
//
// Limits: a channel name has at most [MaxChannel] bytes, an event name
// [MaxEvent], meta [MaxMetaEntries] strings of [MaxMetaBytes] in all.
package pubsub
