package redisbroker

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

const (
	firstRetry = 20 * time.Millisecond
	lastRetry  = time.Second
)

// A line is a subscription connection to one master, and what it carries. When the connection
// fails in any way it is thrown away, and a new one subscribes to everything again.
//
// Four goroutines serve it: run connects and asks, receive takes what comes (line.go), sing
// looks whether the line is alive (canary.go), and review whether something was missed
// (catchup.go).
type line struct {
	lines  *lines
	node   *node // nil: carries what no line carries at the moment
	index  int   // among the node's lines
	ctx    context.Context
	cancel context.CancelFunc

	tried   chan struct{} // closed when the first connection stands, or failed
	failure error         // why it did; set before tried is closed
	first   sync.Once

	life    atomic.Uint64 // number of the present connection among all, once a canary came back over it; 0: it is not alive
	changed atomic.Int64  // when that changed, Unix nanoseconds
	dead    atomic.Bool   // not alive for so long that it counts
	answers atomic.Bool   // the node takes commands

	sung     atomic.Uint64 // number of the last canary
	heard    atomic.Uint64 // number of the newest that came back
	received atomic.Uint64 // all that ever came

	chirp  chan struct{} // wakes sing
	settle chan struct{} // wakes review

	mu        sync.Mutex  // guards what follows, and connections
	conn      *connection // nil: there is none
	lives     int         // connections that ended
	awaited   []*followed // subscribed to a moment ago: the ends of their logs are to be read, for Follow
	confirmed []*followed // the same, of those that had been followed before
}

// ended is what connections are used with once they stand. go-redis does no more with it than
// to connect again by itself after an error, which this prevents: it would subscribe to what
// it remembers, in commands that a Cluster refuses, and nobody would know that it did.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

var errOutOfStep = errors.New("what was not asked for was confirmed")

func newLine(l *lines, n *node, index int) *line {
	ln := &line{
		lines: l, node: n, index: index,
		tried: make(chan struct{}), chirp: make(chan struct{}, 1), settle: make(chan struct{}, 1),
	}
	ln.changed.Store(time.Now().UnixNano())
	ln.ctx, ln.cancel = context.WithCancel(l.ctx)
	return ln
}

func (l *line) start() {
	l.lines.wg.Go(l.review)
	if l.node != nil {
		l.lines.wg.Go(l.run)
		l.lines.wg.Go(l.sing)
	}
}

func (l *line) run() {
	wait := firstRetry
	for {
		err := l.serve()
		if l.ctx.Err() != nil {
			return
		}
		if l.lost(err) {
			wait = firstRetry
		}
		l.try(err)
		select {
		case <-l.ctx.Done():
			return
		case <-time.After(wait/2 + rand.N(wait)):
		}
		wait = min(2*wait, lastRetry)
	}
}

// try says how the first connection went.
func (l *line) try(err error) {
	l.first.Do(func() {
		l.failure = err
		close(l.tried)
	})
}

// serve is one life of the connection. It returns why that ended.
func (l *line) serve() error {
	c, err := l.connect()
	if err != nil {
		return err
	}
	received := make(chan error, 1)
	l.lines.wg.Go(func() { received <- l.receive(c) })
	err = l.ask(c, received)
	_ = c.pubsub.Close()
	<-received // ask may have taken it, and then leaves the channel closed
	for _, f := range l.lines.carried(l) {
		f.hold()
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn, l.awaited, l.confirmed = nil, nil, nil
	l.lives++
	if c.cause != nil {
		return c.cause
	}
	return err
}

// connect returns a connection that has everything to subscribe to that the line carries.
func (l *line) connect() (*connection, error) {
	ctx, cancel := context.WithTimeout(l.ctx, dialTimeout+ioTimeout)
	defer cancel()
	topic, err := l.canaryTopic(ctx)
	if err != nil {
		return nil, err
	}
	c := &connection{pubsub: l.node.client.Load().Subscribe(ctx), canary: topic, kick: make(chan struct{}, 1)}
	if err := c.pubsub.Ping(ctx); err != nil {
		_ = c.pubsub.Close()
		return nil, err
	}
	// Whoever is added from here on finds the connection; who was before is among the carried.
	l.lines.mu.RLock()
	defer l.lines.mu.RUnlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	c.touched.Store(time.Now().UnixNano())
	c.wanted = make(map[pubsub.Channel]*followed)
	for _, f := range l.lines.followed {
		if f.line == l {
			c.wanted[f.channel] = f
		}
	}
	l.conn = c
	return c, nil
}

// want subscribes to a channel, or leaves it if f is nil. What is wanted of one channel while
// earlier wishes wait to be sent takes their place, since only the last one counts. Without a
// connection nothing is to be done: the next one asks for all that is followed then.
func (l *line) want(c pubsub.Channel, f *followed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		l.conn.wanted[c] = f
		signal(l.conn.kick)
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// ask sends what is wanted until the connection fails. The canary's topic comes behind
// everything that is carried, so its confirmation says that all of it is.
func (l *line) ask(c *connection, received chan error) error {
	if err := l.flush(c); err != nil {
		return err
	}
	if err := l.send(c, request{topics: []string{c.canary}}); err != nil {
		return err
	}
	for {
		select {
		case <-l.ctx.Done():
			return l.ctx.Err()
		case err := <-received:
			close(received)
			return err
		case <-c.kick:
			if err := l.flush(c); err != nil {
				return err
			}
		}
	}
}

// flush sends all that is wanted, unless answers are under way: those who ask meanwhile share
// the next commands.
func (l *line) flush(c *connection) error {
	l.mu.Lock()
	wanted := c.take()
	l.mu.Unlock()
	for _, r := range requests(wanted, l.lines.b.keys, l.lines.b.cluster != nil) {
		if err := l.send(c, r); err != nil {
			return err
		}
	}
	return nil
}

// send sends one command. Only the goroutine of run does.
func (l *line) send(c *connection, r request) error {
	l.mu.Lock()
	c.asked = append(c.asked, r)
	l.mu.Unlock()
	p := c.pubsub
	switch sharded := l.lines.b.cluster != nil; {
	case r.leave && sharded:
		return p.SUnsubscribe(ended, r.topics...)
	case r.leave:
		return p.Unsubscribe(ended, r.topics...)
	case sharded:
		return p.SSubscribe(ended, r.topics...)
	}
	return p.Subscribe(ended, r.topics...)
}

// receive takes what comes until the connection fails, and returns why it did.
func (l *line) receive(c *connection) error {
	for {
		got, err := c.pubsub.Receive(ended)
		if reply := redis.Error(nil); errors.As(err, &reply) {
			err = l.refused(c, reply)
		}
		if err != nil {
			return err
		}
		switch got := got.(type) {
		case *redis.Message:
			l.received.Add(1)
			if got.Channel == c.canary {
				l.hear(got.Payload)
			} else {
				l.lines.announced(l, got)
			}
		case *redis.Subscription:
			c.touched.Store(time.Now().UnixNano())
			if err := l.confirm(c, got); err != nil {
				return err
			}
		}
	}
}

// confirm takes the confirmation of one topic.
func (l *line) confirm(c *connection, got *redis.Subscription) error {
	l.mu.Lock()
	r, f, ok := c.confirm(got)
	switch {
	case f != nil && f.awaited():
		l.awaited = append(l.awaited, f)
	case f != nil:
		l.confirmed = append(l.confirmed, f)
	}
	l.mu.Unlock()
	switch {
	case f != nil:
		signal(l.settle)
	case ok && !r.leave:
		c.ready.Store(true)
		signal(l.chirp)
	case ok:
	case c.gaveAway(got):
		if name, ok := l.lines.b.keys.channelOf(got.Channel); ok {
			l.lines.astray(l, name)
			signal(l.lines.survey)
		}
	default:
		return errOutOfStep
	}
	return nil
}

// refused takes an error that answers the oldest request. In a Cluster it may say that a slot
// is elsewhere, or nowhere at the moment: that is a matter of its channels. Anything else is
// one of the line.
func (l *line) refused(c *connection, reply redis.Error) error {
	l.mu.Lock()
	if len(c.asked) == 0 || l.lines.b.cluster == nil || !passing(reply) {
		l.mu.Unlock()
		return reply
	}
	r := c.refuse()
	l.mu.Unlock()
	if r.followed == nil && !r.leave {
		return reply // the canary's topic
	}
	for _, f := range r.followed {
		l.lines.astray(l, f.channel)
	}
	if redis.HasErrorPrefix(reply, "MOVED") {
		signal(l.lines.survey)
	}
	return nil
}

// close ends a connection from this side.
func (l *line) close(c *connection, cause error) {
	l.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	l.mu.Unlock()
	_ = c.pubsub.Close()
}

// connected returns the present connection.
func (l *line) connected() *connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}
