// Package membroker is the embedded broker: the logs of all channels live in the memory
// of this process and end with it.
//
//	broker := membroker.New(membroker.Options{})
//	if err := broker.Start(ctx, receiver); err != nil { … }
//	defer broker.Close()
//
// No call blocks, so a context is only looked at when a call begins. [Broker.Close] ends
// the one goroutine of the broker and waits for it and for announcements under way.
//
// # Limits
//
// [Options.Memory] bounds all logs together: messages, positions, names and idempotency
// keys are counted. When it is reached, the channel that was idle for longest and that
// nobody follows goes first, whole: who comes back to it gets a gap "epoch". When all
// that are left are followed, they lose their oldest messages, longest idle first, and
// who missed them gets a gap "overflow". Positions and keys of followed channels cannot
// be dropped; they take at most half of the memory, and what would need more of it is
// refused with [pubsub.ErrUnavailable]. Idleness is known to about a second.
//
// An id is not compared with earlier ones: no call of this broker has an unknown outcome,
// so nobody has a reason to repeat a publication without a key.
package membroker
