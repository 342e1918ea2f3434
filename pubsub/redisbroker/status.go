package redisbroker

import (
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A status is what the lines are together: down while no master takes commands, degraded
// while one does not or a line is dead, else up.
type status struct {
	mu  sync.Mutex // held by those who change it
	now atomic.Pointer[pubsub.Status]

	// silent is when the first command was sent that no master has answered, nor any since,
	// in Unix nanoseconds; 0: the last one was answered.
	silent atomic.Int64
}

// set changes the state. The broker is down from when it fell silent, not from when that was
// certain some seconds later.
func (s *status) set(to pubsub.State) (changed bool) {
	if now := s.now.Load(); now != nil && now.State == to {
		return false
	}
	since := time.Now()
	if silent := s.silent.Load(); to == pubsub.Down && silent != 0 {
		since = time.Unix(0, silent)
	}
	s.now.Store(&pubsub.Status{State: to, Since: since})
	return true
}

// answered notes how a command ended that was sent at some time.
func (s *status) answered(ok bool, sent time.Time) {
	if ok {
		s.silent.Store(0)
	} else {
		s.silent.CompareAndSwap(0, sent.UnixNano())
	}
}

// state implements [Broker.Status].
func (l *lines) state() pubsub.Status { return *l.status.now.Load() }

// judge finds out what the state is, after something changed that it is made of.
func (l *lines) judge() {
	l.status.mu.Lock()
	defer l.status.mu.Unlock()
	var nodes, silent, dead int
	l.mu.RLock()
	for _, n := range l.nodes {
		nodes++
		for _, ln := range n.lines {
			if !ln.answers.Load() {
				silent++
				break
			}
		}
		for _, ln := range n.lines {
			if ln.dead.Load() {
				dead++
			}
		}
	}
	stray := l.stray != nil && l.stray.dead.Load()
	l.mu.RUnlock()

	to := pubsub.Up
	switch {
	case silent == nodes:
		to = pubsub.Down
	case silent > 0 || dead > 0 || stray:
		to = pubsub.Degraded
	}
	before := l.state()
	if !l.status.set(to) || l.ctx.Err() != nil {
		return
	}
	took := time.Since(before.Since).Round(time.Millisecond)
	switch to {
	case pubsub.Up:
		l.b.log.Info("Redis is up", "after", took)
	case pubsub.Degraded:
		l.b.log.Warn("Redis is degraded: clients are served by reading logs", "masters", nodes, "silent", silent, "dead lines", dead)
	case pubsub.Down:
		l.b.log.Error("Redis is down", "after", took)
	}
}

// alive reports whether announcements come over the line, as far as anybody knows.
func (l *line) alive() bool { return l.life.Load() != 0 }

// recovered is called when a canary came back over the line's connection.
func (l *line) recovered() {
	if l.alive() || !l.life.CompareAndSwap(0, l.lines.begun.Add(1)) {
		return
	}
	was := l.changed.Swap(time.Now().UnixNano())
	l.dead.Store(false)
	l.answers.Store(true)
	l.lines.judge()
	select {
	case <-l.tried:
		l.lines.reconnects.Add(1)
		l.lines.b.log.Info("a subscription line is back", l.name(), "after", time.Since(time.Unix(0, was)).Round(time.Millisecond))
	default:
		l.try(nil)
	}
}

// lost is called when the line's connection has ended. It reports whether the line was alive.
func (l *line) lost(err error) bool {
	if l.life.Swap(0) == 0 {
		return false
	}
	l.changed.Store(time.Now().UnixNano())
	l.lines.b.log.Warn("a subscription line was lost", l.name(), "error", err)
	signal(l.settle)
	return true
}

func (l *line) name() slog.Attr {
	return slog.String("line", l.node.client.Load().Options().Addr+"#"+strconv.Itoa(l.index))
}

// A breakReason is why the receiver was told that announcements may have been missed.
type breakReason uint8

const (
	brokeLine   breakReason = iota // the line was lost meanwhile
	brokePoll                      // the line is dead, and the log has more
	brokeAudit                     // nothing seemed wrong, and still the log has more
	brokeLog                       // the log was purged, or lost its tail
	brokeFormat                    // an announcement that cannot be read
	breakReasons
)

// LineStats tells of the receiving side.
type LineStats struct {
	Announcements uint64            // taken from Redis, of channels that are followed
	Breaks        map[string]uint64 // by reason: line, poll, audit, log, format
	Reconnects    uint64            // lines that were lost and are back
	LinesDead     int               // now
}

type counters struct {
	announcements, reconnects atomic.Uint64
	breaks                    [breakReasons]atomic.Uint64
	complained                atomic.Int64 // Unix nanoseconds
}

func (l *lines) stats() LineStats {
	s := LineStats{
		Announcements: l.announcements.Load(),
		Reconnects:    l.reconnects.Load(),
		Breaks:        make(map[string]uint64, breakReasons),
	}
	for i, name := range [breakReasons]string{"line", "poll", "audit", "log", "format"} {
		s.Breaks[name] = l.breaks[i].Load()
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, n := range l.nodes {
		for _, ln := range n.lines {
			if ln.dead.Load() {
				s.LinesDead++
			}
		}
	}
	return s
}

// complain logs what is wrong with a channel, once a minute for all of them: there may be as
// many as announcements.
func (l *lines) complain(what string, c pubsub.Channel, err error) {
	now, last := time.Now().UnixNano(), l.complained.Load()
	if now-last > int64(time.Minute) && l.complained.CompareAndSwap(last, now) {
		l.b.log.Error(what, "channel", c, "error", err)
	}
}
