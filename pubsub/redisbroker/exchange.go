package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

// This file implements [pubsub.Exchange]: datagrams are announcements in a topic that one
// instance listens to, over a connection of its own, so that they hold up nothing else.

var _ pubsub.Exchange = (*Broker)(nil)

const (
	// inboxQuiet is after how long a silence the inbox sends itself something, and inboxDead
	// when it connects anew, since that did not come back. A master that is well, and apart from
	// those that publish, is found in no other way.
	inboxQuiet = 2 * time.Second
	inboxDead  = 5 * time.Second

	inboxLook  = 500 * time.Millisecond
	inboxRetry = 250 * time.Millisecond
)

// Instance implements [pubsub.Exchange].
func (b *Broker) Instance() string { return b.id }

// Receive implements [pubsub.Exchange].
func (b *Broker) Receive(receive func(datagram []byte)) { b.inbox.receive = receive }

// Send implements [pubsub.Exchange].
func (b *Broker) Send(ctx context.Context, instance string, datagram []byte) error {
	if err := b.refuse(ctx); err != nil {
		return err
	}
	if len(datagram) > pubsub.MaxDatagram {
		return fmt.Errorf("a datagram of %d bytes, at most %d are allowed", len(datagram), pubsub.MaxDatagram)
	}
	topic := b.keys.inbox(instance)
	if b.cluster != nil {
		return b.failure(b.cluster.SPublish(ctx, topic, datagram).Err())
	}
	return b.failure(b.client.Publish(ctx, topic, datagram).Err())
}

// Put implements [pubsub.Exchange].
func (b *Broker) Put(ctx context.Context, key string, record []byte, ttl time.Duration) error {
	if err := b.refuse(ctx); err != nil {
		return err
	}
	return b.failure(b.client.Set(ctx, b.keys.shared(key), record, ttl).Err())
}

// Get implements [pubsub.Exchange].
func (b *Broker) Get(ctx context.Context, key string) ([]byte, error) {
	if err := b.refuse(ctx); err != nil {
		return nil, err
	}
	record, err := b.client.Get(ctx, b.keys.shared(key)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return record, b.failure(err)
}

// An inbox receives what other instances send to this one.
type inbox struct {
	b       *Broker
	receive func([]byte) // nil: nobody does, and nothing is subscribed to
	heard   atomic.Int64 // when something last came, Unix nanoseconds
}

// run keeps the inbox subscribed until the broker is closed.
func (i *inbox) run() {
	for i.b.ctx.Err() == nil {
		i.serve(i.b.ctx)
		select {
		case <-i.b.ctx.Done():
		case <-time.After(inboxRetry):
		}
	}
}

// serve is one life of the connection.
func (i *inbox) serve(ctx context.Context) {
	conn, err := i.subscribe(ctx)
	if err != nil {
		return
	}
	defer conn.Close()
	// A read that waits ends with the connection and not with a context.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	i.heard.Store(time.Now().UnixNano())
	asked := false
	for {
		got, err := conn.ReceiveTimeout(ctx, inboxLook)
		silence := time.Since(time.Unix(0, i.heard.Load()))
		switch got := got.(type) {
		case *redis.Message:
			i.heard.Store(time.Now().UnixNano())
			asked = false
			if got.Payload != "" {
				i.receive([]byte(got.Payload))
			}
			continue
		case *redis.Subscription:
			if got.Kind == "sunsubscribe" || got.Kind == "unsubscribe" {
				return // its node gave the slot away
			}
			continue
		}
		switch timeout := (interface{ Timeout() bool })(nil); {
		case ctx.Err() != nil, silence >= inboxDead:
			return
		case errors.As(err, &timeout) && timeout.Timeout():
		case err != nil:
			return
		}
		if silence >= inboxQuiet && !asked {
			quiet, cancel := context.WithTimeout(ctx, inboxLook)
			asked = i.b.Send(quiet, i.b.id, nil) == nil
			cancel()
		}
	}
}

func (i *inbox) subscribe(ctx context.Context) (*redis.PubSub, error) {
	topic := i.b.keys.inbox(i.b.id)
	if i.b.cluster == nil {
		return i.b.client.Subscribe(ctx, topic), nil
	}
	// The state of the Cluster may be that from before a failover.
	i.b.cluster.ReloadState(ctx)
	master, err := i.b.cluster.MasterForKey(ctx, topic)
	if err != nil {
		return nil, err
	}
	return master.SSubscribe(ctx, topic), nil
}
