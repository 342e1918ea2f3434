package redisbroker

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Each line gets a message from itself every second, on the way that announcements take. So
// pub/sub that is dead while its connection looks alive is found out, as are a connection to
// a master that is none any more, and a server that takes no commands.
const (
	canaryEvery   = time.Second
	canariesSpare = 2 // so many may be missing before the line is dead
	deadAfter     = time.Second
)

var (
	errMute      = errors.New("canaries do not come back")
	errElsewhere = errors.New("the master knows nothing of the subscription")
	errStalled   = errors.New("subscriptions are not confirmed")
)

// A song is what sing remembers of a connection.
type song struct {
	conn     *connection
	waiting  []uint64 // canaries that Redis took and that did not come back yet
	nobody   uint64   // the last canary that had no subscriber, as Redis counts those of the very node
	received uint64   // line.received when it sang last
}

func (l *line) sing() {
	ticker := time.NewTicker(canaryEvery)
	defer ticker.Stop()
	var s song
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-ticker.C:
		case <-l.chirp: // the connection is ready: see at once whether it is alive
			ticker.Reset(canaryEvery)
		}
		if l.lines.b.flaws.noCanary {
			l.believe()
		} else {
			l.listen(&s)
			l.call(&s)
		}
		if !l.alive() && time.Since(time.Unix(0, l.changed.Load())) >= deadAfter && !l.dead.Swap(true) {
			l.lines.judge()
		}
	}
}

// listen looks what became of the canaries so far, and closes a connection that is dead. One
// that brings other things is late, not dead.
func (l *line) listen(s *song) {
	c := l.connected()
	if c != s.conn {
		*s = song{conn: c}
	}
	switch {
	case c == nil:
	case c.ready.Load():
		heard, received := l.heard.Load(), l.received.Load()
		s.waiting = slices.DeleteFunc(s.waiting, func(n uint64) bool { return n <= heard })
		switch {
		case s.nobody > heard: // not all that speak Redis' protocol count
			l.close(c, errElsewhere)
		case len(s.waiting) >= canariesSpare && received == s.received:
			if !l.dead.Swap(true) {
				l.lines.judge()
			}
			l.close(c, errMute)
		}
		s.received = received
	case time.Since(time.Unix(0, c.touched.Load())) > ioTimeout:
		l.close(c, errStalled)
	}
}

// call sends the next canary, or finds out otherwise whether the node takes commands.
func (l *line) call(s *song) {
	ctx, cancel := context.WithTimeout(l.ctx, ioTimeout)
	defer cancel()
	sent := time.Now()
	if s.conn == nil || !s.conn.ready.Load() {
		l.answered(twice(func() error { return l.node.client.Load().Ping(ctx).Err() }), sent)
		return
	}
	n := l.sung.Add(1)
	var receivers int64
	err := twice(func() (err error) {
		receivers, err = l.publish(ctx, s.conn.canary, n)
		return err
	})
	if err == nil {
		s.waiting = append(s.waiting, n)
		if receivers == 0 {
			s.nobody = n
		}
		// A Cluster that is down announces all the same, and takes nothing else.
		if err = l.node.client.Load().Get(ctx, s.conn.canary).Err(); errors.Is(err, redis.Nil) {
			err = nil
		}
	}
	if redis.HasErrorPrefix(err, "MOVED") {
		l.close(s.conn, err)
		return
	}
	l.answered(err, sent)
}

// publish sends a canary and returns how many subscribers got it.
func (l *line) publish(ctx context.Context, topic string, n uint64) (int64, error) {
	client := l.node.client.Load()
	if l.lines.b.cluster != nil {
		return client.SPublish(ctx, topic, n).Result()
	}
	return client.Publish(ctx, topic, n).Result()
}

// twice repeats what failed at once: a connection of the pool may have been closed by the
// server a moment ago.
func twice(f func() error) error {
	err := f()
	var reply redis.Error
	var late net.Error
	if err == nil || errors.As(err, &reply) || errors.As(err, &late) && late.Timeout() {
		return err
	}
	return f()
}

func (l *line) answered(err error, sent time.Time) {
	ok := err == nil
	if l.ctx.Err() != nil {
		return
	}
	l.lines.status.answered(ok, sent)
	if l.answers.Swap(ok) != ok {
		l.lines.judge()
	}
}

// hear takes a canary that came back. receive calls it, so whatever was announced before the
// canary was sent has been passed on.
func (l *line) hear(payload string) {
	n, err := strconv.ParseUint(payload, 10, 64)
	if err != nil || n > l.sung.Load() {
		return
	}
	l.heard.Store(n)
	l.recovered()
	signal(l.settle)
}

// believe takes a connection for alive that was never heard: a flaw.
func (l *line) believe() {
	if c := l.connected(); c != nil && c.ready.Load() {
		l.recovered()
	}
}

// canaryTopic returns the topic of the line's canaries. No channel's name holds a tilde. In a
// Cluster its slot is one of the node.
func (l *line) canaryTopic(ctx context.Context) (string, error) {
	b := l.lines.b
	name := "~" + b.id + "." + strconv.Itoa(l.index)
	if b.cluster == nil {
		return b.keys.topic(pubsub.Channel(name)), nil
	}
	for i := range 16 * slots {
		c := pubsub.Channel(name + "." + strconv.Itoa(i))
		owner, err := b.cluster.MasterForKey(ctx, b.keys.record(c))
		if err != nil {
			return "", err
		}
		if owner.Options().Addr == l.node.addr {
			return b.keys.topic(c), nil
		}
	}
	return "", errors.New("the node has no slot")
}
