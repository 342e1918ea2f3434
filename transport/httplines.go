package transport

import (
	"context"
	"sync"
	"time"
)

// httpLines are those of a server, in a list: of a map, what it once took remains, and all clients
// that come back at once have a line each.
type httpLines struct {
	mu     sync.Mutex // guards what follows, and the neighbours of each line
	first  *httpLine
	closed bool // none comes any more
}

// Neighbours are a line's in the list of all.
type neighbours struct{ before, behind *httpLine }

// add reports false when the server was closed.
func (ls *httpLines) add(l *httpLine) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.closed {
		return false
	}
	if l.behind = ls.first; l.behind != nil {
		l.behind.before = l
	}
	ls.first = l
	return true
}

// remove is called once behind add.
func (ls *httpLines) remove(l *httpLine) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l.behind != nil {
		l.behind.before = l.before
	}
	if l.before != nil {
		l.before.behind = l.behind
	} else {
		ls.first = l.behind
	}
	l.neighbours = neighbours{}
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
	var all []*httpLine
	for l := ls.first; l != nil; l = l.behind {
		all = append(all, l)
	}
	return all
}
