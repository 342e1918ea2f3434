package relay

import (
	"errors"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Options of a Relay. The zero value works, for one instance.
type Options struct {
	// Exchange reaches the other instances. nil: there are none.
	Exchange pubsub.Exchange

	Window    int64         // bytes kept of each stream, in steps of 32 KiB; 0: 4 MiB
	Memory    int64         // bytes of all windows together; 0: 256 MiB
	Senders   int           // streams that are sent at once; 0: 64
	PerSender int           // of those by one owner; 0: 4
	Consumers int           // consumers at once; 0: 1,000
	Stall     time.Duration // how long a consumer may stand still, or hold up others; 0: 5 s
	Gather    time.Duration // how long the beginning of a stream is kept for those who are told of it; 0: 1 s
	Linger    time.Duration // how long a window is kept behind its stream's end; 0: 30 s

	Observer Observer // counts; nil: nobody
}

// An Observer counts what becomes of streams. Its methods are called from any goroutine, may be
// called with locks held, and do not block.
type Observer interface {
	// StreamEnded is called for each stream that was sent here: "complete" or why it was cut, and
	// how many bytes of it came.
	StreamEnded(how string, size int64)

	// StreamRefused is called for each stream that was not taken, and each consumer: "sender" has
	// too many, the "instance" has, or it is "closed".
	StreamRefused(why string)

	// ConsumerEnded is called for each consumer here: "complete", "left" (it closed), or the
	// reason that it was told.
	ConsumerEnded(how string)
}

type nobody struct{}

func (nobody) StreamEnded(string, int64) {}
func (nobody) StreamRefused(string)      {}
func (nobody) ConsumerEnded(string)      {}

func (o Options) withDefaults() Options {
	if o.Window == 0 {
		o.Window = 4 << 20
	}
	o.Window = max(pieceSize, o.Window/pieceSize*pieceSize)
	if o.Memory == 0 {
		o.Memory = 256 << 20
	}
	if o.Senders == 0 {
		o.Senders = 64
	}
	if o.PerSender == 0 {
		o.PerSender = 4
	}
	if o.Consumers == 0 {
		o.Consumers = 1000
	}
	if o.Stall == 0 {
		o.Stall = 5 * time.Second
	}
	if o.Gather == 0 {
		o.Gather = time.Second
	}
	if o.Linger == 0 {
		o.Linger = 30 * time.Second
	}
	if o.Observer == nil {
		o.Observer = nobody{}
	}
	return o
}

// refused counts an error of Send or Join, and returns it.
func (o *Options) refused(err error) error {
	switch {
	case errors.Is(err, ErrTooMany):
		o.Observer.StreamRefused("sender")
	case errors.Is(err, ErrFull):
		o.Observer.StreamRefused("instance")
	case errors.Is(err, ErrClosed):
		o.Observer.StreamRefused("closed")
	}
	return err
}
