package transport_test

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// A ledger is an observer that writes everything down.
type ledger struct {
	mu        sync.Mutex // guards what follows
	opened    map[string]int
	closed    map[string]int // by "transport code"
	refused   map[string]int // by "transport code"
	limited   map[string]int
	delivered map[string]int
	repeated  map[string]int // by method
}

func count(m *map[string]int, n int, words ...any) {
	if *m == nil {
		*m = make(map[string]int)
	}
	(*m)[strings.TrimSuffix(fmt.Sprintln(words...), "\n")] += n
}

func (l *ledger) Opened(transport string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count(&l.opened, 1, transport)
}

func (l *ledger) Closed(transport string, code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count(&l.closed, 1, transport, code)
}

func (l *ledger) Refused(transport, code string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count(&l.refused, 1, transport, code)
}

func (l *ledger) Limited(limit string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count(&l.limited, 1, limit)
}

func (l *ledger) Delivered(transport string, messages int, oldest time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count(&l.delivered, messages, transport)
}

func (l *ledger) Repeated(method string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count(&l.repeated, 1, method)
}

// await waits until read gives at least want.
func (s *site) await(what string, want int, read func(*ledger) int) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		s.seen.mu.Lock()
		got := read(s.seen)
		s.seen.mu.Unlock()
		if got >= want {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: %d, want %d; %+v", what, got, want, s.seen)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *site) awaitClosed(transport string, code int) {
	s.t.Helper()
	key := fmt.Sprint(transport, " ", code)
	s.await("closed "+key, 1, func(l *ledger) int { return l.closed[key] })
}
