package transport

import (
	"context"
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// sessions are the connected clients of a server. They are touched when a client comes and
// goes, and by nothing that a message passes.
type sessions struct {
	mu       sync.Mutex // guards what follows
	all      map[*session]struct{}
	draining time.Duration // 0: not; else the window in which clients are sent away
	closed   bool
	empty    chan struct{} // closed when the last one leaves; nil while nobody waits
}

// add enters a session. It reports false when the server was closed.
func (ss *sessions) add(c *session) bool {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if ss.closed {
		return false
	}
	if ss.all == nil {
		ss.all = make(map[*session]struct{})
	}
	ss.all[c] = struct{}{}
	return true
}

func (ss *sessions) remove(c *session) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	delete(ss.all, c)
	if len(ss.all) == 0 && ss.empty != nil {
		close(ss.empty)
		ss.empty = nil
	}
}

func (ss *sessions) each(visit func(*session)) {
	for _, c := range ss.list() {
		visit(c)
	}
}

func (ss *sessions) list() []*session {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	list := make([]*session, 0, len(ss.all))
	for c := range ss.all {
		list = append(list, c)
	}
	return list
}

// wait waits until no session is left.
func (ss *sessions) wait(ctx context.Context) error {
	ss.mu.Lock()
	if len(ss.all) == 0 {
		ss.mu.Unlock()
		return nil
	}
	if ss.empty == nil {
		ss.empty = make(chan struct{})
	}
	empty := ss.empty
	ss.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (ss *sessions) close() {
	ss.mu.Lock()
	ss.closed = true
	ss.mu.Unlock()
}

func (ss *sessions) drain(window time.Duration) {
	ss.mu.Lock()
	ss.draining = max(window, 1)
	ss.mu.Unlock()
}

// leaving returns the window in which clients are sent away, or 0 if they are not.
func (ss *sessions) leaving() time.Duration {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.draining
}

// Draining reports whether Drain was called. HTTP/1.1 answers carry Connection: close then.
func (s *Server) Draining() bool { return s.sessions.leaving() > 0 }

// Drain sends all clients elsewhere: polls that are held are answered at once, with a time
// to come back that is spread over the window; streams and sockets are closed with 1012, one
// after the other over the window. New streams and sockets are refused, and polls not held.
//
// It returns when nobody is left. When ctx ends before, those who are left are told at once,
// and the error is the context's; Close ends them.
func (s *Server) Drain(ctx context.Context, window time.Duration) error {
	s.sessions.drain(window)
	var lines []*session
	s.sessions.each(func(c *session) {
		if c.transport == longPoll || c.transport == plainPoll {
			c.end(ending{wire.CloseRestart, jitter(window)})
		} else {
			lines = append(lines, c)
		}
	})
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i, c := range lines {
		timer.Reset(time.Until(start.Add(window * time.Duration(i) / time.Duration(len(lines)))))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		// Whoever is sent away late need not wait: others have come back before.
		c.end(ending{wire.CloseRestart, jitter(time.Second)})
	}
	return s.sessions.wait(ctx)
}

// errDraining refuses whoever would be sent away at once.
var errDraining = problem.New(problem.Draining, "")
