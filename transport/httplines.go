package transport

import "sync"

// httpLines are those of a server.
type httpLines struct {
	mu     sync.Mutex // guards what follows
	all    map[*httpLine]struct{}
	closed bool
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

// close ends all lines. None comes any more.
func (ls *httpLines) close() {
	ls.mu.Lock()
	ls.closed = true
	all := make([]*httpLine, 0, len(ls.all))
	for l := range ls.all {
		all = append(all, l)
	}
	ls.mu.Unlock()
	for _, l := range all {
		l.close()
	}
}
