package transport

import (
	"context"
	"sync"
	"time"
)

// httpLines are those of a server.
type httpLines struct {
	mu     sync.Mutex // guards what follows
	all    map[*httpLine]struct{}
	closed bool // none comes any more
}

// add reports false when the server was closed.
func (ls *httpLines) add(l *httpLine) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		return false
	}
	if ls.all == nil {
		ls.all = make(map[*httpLine]struct{})
	}
	ls.all[l] = struct{}{}
	return true
}

func (ls *httpLines) remove(l *httpLine) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	delete(ls.all, l)
}

// finish lets requests that are under way be answered, until ctx ends. None comes any more.
func (ls *httpLines) finish(ctx context.Context) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		all := ls.end()
		if len(all) == 0 {
			return nil
		}
		for _, l := range all {
			l.retire()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
		}
	}
}

// close ends all lines. None comes any more.
func (ls *httpLines) close() {
	for _, l := range ls.end() {
		l.close()
	}
}

// end lets none come any more, and returns those that are left.
func (ls *httpLines) end() []*httpLine {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.closed = true
	all := make([]*httpLine, 0, len(ls.all))
	for l := range ls.all {
		all = append(all, l)
	}
	return all
}
