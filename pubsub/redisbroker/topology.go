package redisbroker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

const (
	surveyEvery = time.Second
	surveyPause = 100 * time.Millisecond // between two surveys that were asked for

	// Any node may answer, one that has not heard of the latest change as well. So a master has
	// to be missing more than once.
	missingLooks = 3
)

// openCluster opens the lines to the masters, and begins to watch who they are.
func (l *lines) openCluster(ctx context.Context) error {
	l.stray = newLine(l, nil, 0)
	if err := l.look(ctx); err != nil {
		return err
	}
	l.stray.start()
	l.wg.Go(l.watch)
	return nil
}

// watch looks who the masters are every second, and when a channel has lost its line.
func (l *lines) watch() {
	ticker := time.NewTicker(surveyEvery)
	defer ticker.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-ticker.C:
		case <-l.survey:
		}
		// Time for two, since the node that is asked first may be frozen. If nobody answers,
		// canaries tell.
		ctx, cancel := context.WithTimeout(l.ctx, 2*ioTimeout)
		_ = l.look(ctx)
		cancel()
		select {
		case <-l.ctx.Done():
			return
		case <-time.After(surveyPause):
		}
	}
}

// look asks the Cluster who its masters are.
func (l *lines) look(ctx context.Context) error {
	var mu sync.Mutex
	masters := make(map[string]*redis.Client)
	err := l.b.cluster.ForEachMaster(ctx, func(_ context.Context, c *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		masters[c.Options().Addr] = c
		return nil
	})
	if err == nil && len(masters) == 0 {
		err = errors.New("the Cluster names no masters")
	}
	if err != nil {
		return err
	}
	l.adopt(ctx, masters)
	l.judge()
	return nil
}

// adopt opens lines to new masters, closes those to former ones, and gives stray channels to
// the lines that now carry them.
func (l *lines) adopt(ctx context.Context, masters map[string]*redis.Client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for addr, n := range l.nodes {
		if n.missing++; masters[addr] != nil {
			n.missing = 0
		}
		if n.missing >= missingLooks {
			l.remove(n)
		}
	}
	for addr, c := range masters {
		if n := l.nodes[addr]; n != nil {
			n.client.Store(c) // go-redis makes a new one for a node that was away
		} else {
			l.add(addr, c)
		}
	}
	if !l.strays {
		return
	}
	l.strays = false
	for _, f := range l.followed {
		if f.line == l.stray {
			f.hold()
			f.line = l.route(ctx, f.channel)
			f.line.want(f.channel, f)
		}
	}
}

// remove ends the lines of a node that is no master any more. mu is held.
func (l *lines) remove(n *node) {
	delete(l.nodes, n.addr)
	for _, f := range l.followed {
		if f.line.node == n {
			f.line, l.strays = l.stray, true
		}
	}
	for _, ln := range n.lines {
		ln.cancel()
	}
}

// astray takes a channel from a line that can no longer carry it.
func (l *lines) astray(ln *line, c pubsub.Channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.followed[c]; f != nil && f.line == ln {
		f.line, l.strays = l.stray, true
	}
}

// anyStrays reports whether channels may be without a line.
func (l *lines) anyStrays() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.strays
}

// owner returns the node that has a channel's slot; nil if there is none at the moment.
func (l *lines) owner(ctx context.Context, c pubsub.Channel) *node {
	client, err := l.b.cluster.MasterForKey(ctx, l.b.keys.record(c))
	if err != nil {
		return nil
	}
	return l.nodes[client.Options().Addr]
}
