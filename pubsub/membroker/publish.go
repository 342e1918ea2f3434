package membroker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// errNoReplica is the answer to every publication that asks for a replica.
var errNoReplica = fmt.Errorf("%w: the embedded broker has no replica", pubsub.ErrNotReplicated)

// Publish implements [pubsub.Broker]. A publication that asks for a replica is stored and
// announced, and answered with its receipt and [pubsub.ErrNotReplicated]. One without a
// key is never refused for lack of memory: if it cannot be kept, who comes back later is
// told by a gap.
func (b *Broker) Publish(ctx context.Context, p pubsub.Publication) (pubsub.Receipt, error) {
	if err := b.refuse(ctx); err != nil {
		return pubsub.Receipt{}, err
	}
	w := write{
		message:   &pubsub.Message{ID: p.ID, Event: p.Event, Data: p.Data, From: p.From, Meta: p.Meta, Stream: p.Stream},
		retention: b.retention(p.Channel),
		key:       p.Key,
	}
	w.size = int64(w.message.Size())
	var need int64
	if !w.retention.Off() {
		need = w.size
	}
	if w.key != "" {
		w.content = fingerprint(b.seed, &p)
		need += keyCost(w.key)
	}
	w.fits = b.reserve(need, p.Channel)
	if !w.fits {
		need = 0
		if w.key != "" {
			return pubsub.Receipt{}, errNoRoom
		}
	}
	receipt, err := b.write(p.Channel, &w)
	if err != nil || receipt.Duplicate {
		b.memory.release(need)
	}
	if err == nil && p.Replicated {
		err = errNoReplica
	}
	return receipt, err
}

// A write is a publication on its way into a log.
type write struct {
	message   *pubsub.Message // without channel, position and time
	size      int64
	retention pubsub.Retention
	key       string // may be empty
	content   uint64 // fingerprint, with a key
	fits      bool   // memory for the message and the key is reserved
}

// write appends to the log of c and announces it, in one step.
func (b *Broker) write(c pubsub.Channel, w *write) (pubsub.Receipt, error) {
	l, err := b.hold(c)
	if err != nil {
		return pubsub.Receipt{}, err
	}
	clock := time.Now()
	now := clock.Sub(b.born)
	l.refresh(now, w.retention, b.ttl)
	receipt, err := l.repeat(w.key, w.content)
	switch {
	case err != nil || receipt.Duplicate:
	case w.key != "" && l.followed && !l.memory.pin(keyCost(w.key)):
		err = errNoRoom
	default:
		l.append(w, clock, now)
		if l.followed {
			// Under the log's lock, so that announcements keep the order of offsets. The
			// receiver neither blocks nor calls back.
			b.receiver.Message(w.message)
		}
		receipt.Message = w.message
	}
	due := l.touch(now)
	l.mu.Unlock()
	if due {
		b.place(l, now)
	}
	return receipt, err
}

// repeat tells whether the key was used within the window. Caller holds mu.
func (l *log) repeat(key string, content uint64) (pubsub.Receipt, error) {
	first, ok := l.window.find(key)
	switch {
	case !ok:
		return pubsub.Receipt{}, nil
	case first.content != content:
		return pubsub.Receipt{}, pubsub.ErrKeyReused
	}
	return pubsub.Receipt{
		Message:   &pubsub.Message{Channel: l.channel, ID: first.id, Pos: first.pos},
		Duplicate: true,
	}, nil
}

// PublishBatch implements [pubsub.Broker].
func (b *Broker) PublishBatch(ctx context.Context, ps []pubsub.Publication) []pubsub.Outcome {
	outcomes := make([]pubsub.Outcome, len(ps))
	var failed map[pubsub.Channel]bool
	for i, p := range ps {
		o := &outcomes[i]
		if failed[p.Channel] {
			o.Err = pubsub.ErrNotTried
			continue
		}
		o.Receipt, o.Err = b.Publish(ctx, p)
		if errors.Is(o.Err, pubsub.ErrUnavailable) {
			if failed == nil {
				failed = make(map[pubsub.Channel]bool)
			}
			failed[p.Channel] = true
		}
	}
	return outcomes
}
