package pubsub

import (
	"context"
	"time"
)

// MaxDatagram is the longest datagram that an [Exchange] takes, in bytes.
const MaxDatagram = 64 << 10

// An Exchange carries small things between the instances that share a broker, beside the logs:
// records that are forgotten by themselves, and datagrams from one instance to another. Nothing
// of it is kept with the logs, or as safe as they are. All methods but Receive may be called at
// once from any goroutine.
type Exchange interface {
	// Instance names this instance among all that share the broker, now and ever.
	Instance() string

	// Receive hands over who is called for each datagram that arrives here. It is called once,
	// before the broker starts. receive is called by one goroutine at a time, does not block,
	// and does not keep the bytes.
	Receive(receive func(datagram []byte))

	// Send sends a datagram of at most [MaxDatagram] bytes to an instance, which gets it once,
	// twice or not at all, and those of one caller mostly in order. It is no error if there is
	// no such instance. It may block on I/O, as long as ctx lets it. The bytes are the caller's
	// again when it returns.
	Send(ctx context.Context, instance string, datagram []byte) error

	// Put keeps a record for a time, in place of an older one of the key. Keys are visible
	// ASCII without braces.
	Put(ctx context.Context, key string, record []byte, ttl time.Duration) error

	// Get returns a record, or nil when there is none.
	Get(ctx context.Context, key string) ([]byte, error)
}
