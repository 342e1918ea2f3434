// Package bridge knows who is subscribed to what on this instance. It stands between
// a [pubsub.Broker], which keeps the logs, and the transports, which carry bytes.
//
//	b := bridge.New(broker, bridge.Options{})
//	err := b.Start(ctx)
//	c := b.Connect(consumer)                              // one connected program
//	pos, err := c.Subscribe(ctx, "orders:42", pubsub.Behind(shown), nil)
//	items, err := c.Pull(ctx, nil, limit)                 // messages and gaps, in order
//	c.Close()
//	err = b.Close()
//
// # How nothing is lost
//
// A subscription is registered first and then reads the log, never the other way round.
// It is in one of three states. A live one stands at the end of its channel, and each
// message is put into its client's queue as it is announced. One that is behind gets
// nothing from announcements: its client reads the log in pages while it drains, as fast
// as it drains, until it has reached the end, where it turns live in the same step that
// compares the two positions. One that is ahead has read more from the log than was
// announced so far and waits until announcements reach it. Whatever goes wrong with
// announcements (a hole, a broken line, a purged or rolled-back log) has one answer:
// the subscriptions of the channel fall behind, and the log decides. A page of the log is
// read once for all who stand in it, and a thousand who come back together ask the broker once.
//
// # Cancelling and limits
//
// Contexts bound the reading of logs. [Client.Stop] ends a client from anywhere;
// its consumer learns of it from Pull. A client's queue is bounded ([Options.Queue]): when
// it is full, its subscriptions fall behind and read the log later, and if the client then
// takes nothing for [Options.Stall], it is stopped with [ErrTooSlow]. Nobody waits for it.
//
// The package starts one goroutine that stays (see sweep.go), which Close waits for, and a few
// for a client that has several questions to the broker, which the call waits for. It knows
// neither HTTP nor encodings: a [Delivery] keeps what transports made of a message, so that each
// encoding is made once for all clients.
package bridge
