package redisbroker

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

const (
	pollEvery  = 500 * time.Millisecond // while a line is dead
	auditEvery = 30 * time.Second
	retryEvery = 250 * time.Millisecond
)

// A review looks whether the channels of a line missed something, by reading where their
// logs end: of those that were subscribed to a moment ago; of all while the line is dead; and of
// all now and then, since that keeps their positions from being forgotten.
type review struct {
	line  *line
	every time.Duration // between two audits of one channel

	lives  int         // of the line, up to which unread goes
	unread []*followed // confirmed, and their logs were not read yet
	open   []suspicion

	pollAt  time.Time
	auditAt time.Time
	rest    []*followed // of the audit that is under way
	pace    time.Duration
	strays  int // reviews in a row that found some; of channels without a line
}

// A suspicion is a log that ended further than was announced. Once a canary came back that
// was sent later, nothing of it is on its way any more.
type suspicion struct {
	*followed
	end    pubsub.Position
	canary uint64
}

func (l *line) review() {
	r := &review{line: l, every: min(auditEvery, l.lines.b.o.PositionTTL/4)}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-l.settle:
		case <-timer.C:
		}
		timer.Reset(time.Until(r.step()))
	}
}

// step does what is due, and returns when something will be.
func (r *review) step() time.Time {
	next := r.settle()
	var other time.Time
	if r.line.alive() {
		r.decide()
		other = r.audit()
	} else {
		r.open = nil
		other = r.poll()
	}
	if !next.IsZero() && next.Before(other) {
		return next
	}
	return other
}

// settle reads the logs of channels that were subscribed to: of all for which somebody waits,
// and of some of the others, since there may be very many after a line was lost. It returns
// when to go on, if there is more.
func (r *review) settle() (next time.Time) {
	l := r.line
	l.mu.Lock()
	if r.lives != l.lives {
		r.lives, r.unread = l.lives, nil // the new connection confirms them again
	}
	awaited := l.awaited
	r.unread = append(r.unread, l.confirmed...)
	l.awaited, l.confirmed = nil, nil
	l.mu.Unlock()

	failed := r.compare(awaited, brokeLine)
	n := min(len(r.unread), eachChunk)
	failed = append(failed, r.compare(r.unread[:n], brokeLine)...)
	r.unread = append(r.unread[n:], failed...)
	switch {
	case failed != nil:
		return time.Now().Add(retryEvery)
	case len(r.unread) > 0:
		return time.Now()
	}
	r.unread = nil
	return time.Time{}
}

// poll reads the ends of all logs, so that clients get on without announcements. It takes a
// fifth of the time at most.
func (r *review) poll() time.Time {
	l := r.line
	started := time.Now()
	if start := time.Unix(0, l.changed.Load()).Add(pollEvery); started.Before(start) {
		return start
	}
	if started.Before(r.pollAt) {
		return r.pollAt
	}
	var all []*followed
	if l.node != nil || l.lines.anyStrays() {
		all = l.lines.carried(l)
	}
	if l.node == nil {
		r.countStrays(len(all))
	}
	wait := pollEvery
	if failed := r.compare(all, brokePoll); failed == nil {
		wait = max(wait, 4*time.Since(started))
	}
	r.pollAt = time.Now().Add(wait)
	return r.pollAt
}

// countStrays says that some of the channels are not announced, unless that passes at once,
// as it does when a slot moves.
func (r *review) countStrays(n int) {
	if r.strays++; n == 0 {
		r.strays = 0
	}
	if dead := r.strays > 2; r.line.dead.Swap(dead) != dead {
		r.line.lines.judge()
	}
}

// audit reads the ends of some logs, such that each has its turn in time.
func (r *review) audit() time.Time {
	now := time.Now()
	if now.Before(r.auditAt) {
		return r.auditAt
	}
	if len(r.rest) == 0 {
		r.rest = r.line.lines.carried(r.line)
		r.pace = r.every / time.Duration(1+len(r.rest)/eachChunk)
	}
	n := min(len(r.rest), eachChunk)
	r.compare(r.rest[:n], brokeAudit)
	r.rest = r.rest[n:]
	r.auditAt = now.Add(r.pace)
	return r.auditAt
}

// decide closes the suspicions that can be.
func (r *review) decide() {
	heard := r.line.heard.Load()
	r.open = slices.DeleteFunc(r.open, func(s suspicion) bool {
		if heard <= s.canary {
			return false
		}
		l := r.line.lines
		if s.arrived(s.end, l.b.receiver, l.b.flaws) == missed {
			l.breaks[brokeAudit].Add(1)
		}
		return true
	})
}

// compare reads where logs end, and compares that with what was announced. It returns the
// channels of which nothing could be learned now.
func (r *review) compare(fs []*followed, reason breakReason) (failed []*followed) {
	for chunk := range slices.Chunk(fs, eachChunk) {
		switch err := r.compareChunk(chunk, reason); {
		case err == nil:
		case errors.As(err, new(redis.Error)):
			failed = append(failed, chunk...)
		default:
			// Redis is away, and would let each chunk wait.
			return append(failed, fs[slices.Index(fs, chunk[0]):]...)
		}
	}
	return failed
}

func (r *review) compareChunk(fs []*followed, reason breakReason) error {
	l := r.line
	names, before, held := make([]pubsub.Channel, len(fs)), make([]pubsub.Position, len(fs)), make([]bool, len(fs))
	for i, f := range fs {
		names[i] = f.channel
		before[i], held[i] = f.position()
	}
	ctx, cancel := context.WithTimeout(l.ctx, 2*ioTimeout)
	ends, err := l.lines.b.ends(ctx, names)
	cancel()
	switch damaged := errors.Is(err, pubsub.ErrPosition) || !passing(err); {
	case err == nil:
	case !damaged || l.ctx.Err() != nil:
		return err
	case len(fs) == 1:
		fs[0].fail(err)
		l.lines.complain("where the log of a channel ends cannot be read", fs[0].channel, err)
		return nil
	default: // one that is damaged does not keep the others
		half := len(fs) / 2
		return errors.Join(r.compareChunk(fs[:half], reason), r.compareChunk(fs[half:], reason))
	}
	canary := l.sung.Load()
	doubtful := make(map[pubsub.Channel]pubsub.Position)
	for i, f := range fs {
		if held[i] && before[i] != ends[i] {
			doubtful[names[i]] = before[i]
		}
		switch f.compare(before[i], ends[i], reason == brokeAudit, l.lines.b.receiver, l.lines.b.flaws) {
		case missed:
			l.lines.breaks[reason].Add(1)
			doubtful[names[i]] = before[i]
		case perhapsMissed:
			r.open = append(r.open, suspicion{f, ends[i], canary})
		}
	}
	if len(doubtful) > 0 {
		// Mostly the logs have gone on. Where they have lost what was announced, those are told as
		// well who had not seen it.
		ctx, cancel := context.WithTimeout(l.ctx, 2*ioTimeout)
		defer cancel()
		if err := l.lines.b.mark(ctx, doubtful); err != nil {
			return err
		}
	}
	for i, f := range fs {
		if held[i] {
			f.found(before[i])
		}
	}
	return nil
}
