package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

// The lines are the receiving side: all subscription connections, and the channels that they
// carry. Announcements are passed on by the goroutines that receive them.
type lines struct {
	b      *Broker
	ctx    context.Context // ends with close; set by start
	cancel context.CancelFunc
	wg     sync.WaitGroup
	survey chan struct{} // in a Cluster: wakes the goroutine that knows the masters

	mu       sync.RWMutex // taken before a line's mutex; guards what follows
	followed map[pubsub.Channel]*followed
	nodes    map[string]*node // by address
	stray    *line            // of channels that no line carries, in a Cluster
	strays   bool             // there may be some

	begun atomic.Uint64 // lives of lines so far

	status
	counters
}

// A node is a master, with its lines.
type node struct {
	addr    string // empty: there is only one
	client  atomic.Pointer[redis.Client]
	lines   []*line
	missing int // looks in a row that did not find it; guarded by lines.mu
}

func newLines(b *Broker) *lines {
	l := &lines{
		b:        b,
		survey:   make(chan struct{}, 1),
		followed: make(map[pubsub.Channel]*followed),
	}
	l.status.set(pubsub.Down)
	return l
}

// start makes the first connections. When it fails it may be called again.
func (l *lines) start(ctx context.Context) error {
	l.ctx, l.cancel = context.WithCancel(l.b.ctx)
	l.mu.Lock()
	l.nodes = make(map[string]*node)
	l.mu.Unlock()
	err := l.open(ctx)
	if err == nil {
		err = l.tried(ctx)
	}
	if err != nil {
		l.close()
		return err
	}
	l.judge()
	return nil
}

func (l *lines) open(ctx context.Context) error {
	if l.b.cluster != nil {
		return l.openCluster(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add("", l.b.client.(*redis.Client))
	return nil
}

// add opens the lines to a master. mu is held.
func (l *lines) add(addr string, client *redis.Client) {
	n := &node{addr: addr}
	n.client.Store(client)
	for i := range l.b.o.Lines {
		n.lines = append(n.lines, newLine(l, n, i))
	}
	l.nodes[addr] = n
	for _, ln := range n.lines {
		ln.start()
	}
}

// tried waits for the first try of each line. It is enough if one of them stands, since the
// others are tried again; but an error that waiting does not mend is one.
func (l *lines) tried(ctx context.Context) error {
	l.mu.RLock()
	var all []*line
	for _, n := range l.nodes {
		all = append(all, n.lines...)
	}
	l.mu.RUnlock()

	stand := false
	var failures []error
	for _, ln := range all {
		select {
		case <-ln.tried:
		case <-ctx.Done():
			return ctx.Err()
		}
		if ln.failure == nil {
			stand = true
			continue
		}
		if !passing(ln.failure) {
			return fmt.Errorf("subscribing: %w", ln.failure)
		}
		failures = append(failures, ln.failure)
	}
	if !stand {
		return fmt.Errorf("%w: subscribing: %w", pubsub.ErrUnavailable, errors.Join(failures...))
	}
	return nil
}

// close ends all lines and waits for them. Whoever waits in follow is let go.
func (l *lines) close() {
	if l.cancel == nil {
		return // never started
	}
	l.cancel()
	l.wg.Wait()
}

// follow implements [Broker.Follow]. It waits until the channel's line has subscribed to it,
// and the end of the log was read after that. While the line is dead, it is enough that the
// log was read: then it is read again and again.
func (l *lines) follow(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	o, first := l.enter(ctx, c)
	if o == nil {
		ends, err := l.b.ends(ctx, []pubsub.Channel{c})
		if err != nil {
			return pubsub.Position{}, err
		}
		return ends[0], nil
	}
	var err error
	select {
	case <-o.done:
		err = o.err
	case <-ctx.Done():
		err = fmt.Errorf("waiting for its subscription: %w", ctx.Err())
	case <-l.ctx.Done():
		err = pubsub.ErrClosed
	}
	if err != nil {
		if first {
			l.unfollow(c)
		}
		return pubsub.Position{}, err
	}
	return o.end, nil
}

// enter adds a channel to those that are followed, and reports whether it is the first to do
// so. The opening is nil if that was long ago.
func (l *lines) enter(ctx context.Context, c pubsub.Channel) (o *opening, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.followed[c]; f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.opening, false
	}
	o = &opening{done: make(chan struct{})}
	f := &followed{channel: c, line: l.route(ctx, c), opening: o}
	l.followed[c] = f
	f.line.want(c, f)
	return o, true
}

// unfollow implements [Broker.Unfollow].
func (l *lines) unfollow(c pubsub.Channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.followed[c]; f != nil {
		delete(l.followed, c)
		f.leave()
		f.line.want(c, nil)
	}
}

// held returns the position that is held of a channel, if any.
func (l *lines) held(c pubsub.Channel) pubsub.Position {
	l.mu.RLock()
	f := l.followed[c]
	l.mu.RUnlock()
	if f == nil {
		return pubsub.Position{}
	}
	if p, held := f.position(); held {
		return p
	}
	return pubsub.Position{}
}

// carrier implements [Broker.Line].
func (l *lines) carrier(c pubsub.Channel) uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if f := l.followed[c]; f != nil {
		return f.line.life.Load()
	}
	return 0
}

// channels returns all that are followed.
func (l *lines) channels() []pubsub.Channel {
	l.mu.RLock()
	defer l.mu.RUnlock()
	names := make([]pubsub.Channel, 0, len(l.followed))
	for c := range l.followed {
		names = append(names, c)
	}
	return names
}

// carried returns the channels of one line.
func (l *lines) carried(ln *line) (all []*followed) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, f := range l.followed {
		if f.line == ln {
			all = append(all, f)
		}
	}
	return all
}

// announced passes on what a line brought. What comes over a line that no longer carries the
// channel, or that never did, is nobody's.
func (l *lines) announced(ln *line, m *redis.Message) {
	name, _ := l.b.keys.channelOf(m.Channel)
	l.mu.RLock()
	f := l.followed[name]
	if f != nil && f.line != ln {
		f = nil
	}
	l.mu.RUnlock()
	if f == nil {
		return
	}
	l.announcements.Add(1)
	a, err := decode(name, m.Payload)
	if err != nil {
		l.breaks[brokeFormat].Add(1)
		l.complain("an announcement cannot be read", name, err)
		f.broken(l.b.receiver)
		return
	}
	if a.message == nil {
		l.breaks[brokeLog].Add(1)
	}
	f.announced(a, l.b.receiver)
}

// route returns the line for a channel. mu is held.
func (l *lines) route(ctx context.Context, c pubsub.Channel) *line {
	n := l.nodes[""]
	if l.b.cluster != nil {
		if n = l.owner(ctx, c); n == nil {
			l.strays = true
			signal(l.survey)
			return l.stray
		}
	}
	return n.lines[slot(string(c))%len(n.lines)]
}
