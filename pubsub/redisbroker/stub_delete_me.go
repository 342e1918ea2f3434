package redisbroker

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/wsbridge/wsbridge/pubsub"
)

type lines struct {
	b    *Broker
	ps   *redis.PubSub
	done chan struct{}
	mu   sync.Mutex
	f    map[pubsub.Channel]bool
}

func newLines(b *Broker) *lines {
	return &lines{b: b, done: make(chan struct{}), f: map[pubsub.Channel]bool{}}
}
func (l *lines) start(ctx context.Context) error {
	l.ps = l.b.client.Subscribe(context.Background())
	go func() {
		defer close(l.done)
		for {
			v, err := l.ps.Receive(context.Background())
			if err != nil {
				return
			}
			if m, ok := v.(*redis.Message); ok {
				c, _ := l.b.keys.channelOf(m.Channel)
				a, err := decode(c, m.Payload)
				if err != nil {
					panic(err)
				}
				if a.message != nil {
					l.b.receiver.Message(a.message)
				} else {
					l.b.receiver.Break(c)
				}
			}
		}
	}()
	return nil
}
func (l *lines) follow(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	if l.b.cluster != nil {
		l.ps.SSubscribe(ctx, l.b.keys.topic(c))
	} else {
		l.ps.Subscribe(ctx, l.b.keys.topic(c))
	}
	e, err := l.b.ends(ctx, []pubsub.Channel{c})
	l.mu.Lock()
	l.f[c] = true
	l.mu.Unlock()
	return e[0], err
}
func (l *lines) unfollow(c pubsub.Channel) {
	l.mu.Lock()
	delete(l.f, c)
	l.mu.Unlock()
	l.ps.Unsubscribe(context.Background(), l.b.keys.topic(c))
}
func (l *lines) close() {
	if l.ps == nil {
		return
	}
	l.ps.Close()
	<-l.done
}
func (l *lines) state() pubsub.Status { return pubsub.Status{} }
func (l *lines) channels() (r []pubsub.Channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.f {
		r = append(r, c)
	}
	return
}
