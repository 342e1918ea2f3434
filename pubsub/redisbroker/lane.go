package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Lanes carry publications to Redis. Each owns a share of the Cluster's slots and sends one
// pipeline at a time, so that a channel's publications arrive in order; what comes meanwhile
// makes up the next one. Shares are ranges, as those of masters are, so that a master that is
// stuck holds up few lanes of others.
type lanes struct {
	b     *Broker
	lanes []lane
	wg    sync.WaitGroup

	waiting, bytes atomic.Int64 // publications that are not answered yet

	// What all publications send, boxed once.
	arguments struct{ script, positionTTL, announce, suffix, sender any }
}

const (
	lanesSingle  = 4
	lanesCluster = 16

	maxWaiting      = 32 << 10
	maxWaitingBytes = 64 << 20

	pipelineItems = 256
	pipelineBytes = 1 << 20
)

// A lane is one of them.
type lane struct {
	all *lanes

	mu     sync.Mutex
	queue  []*pending
	number uint64 // of the last one queued
	closed bool
	wake   chan struct{} // holds one: something was queued, or the lane was closed
}

func (ls *lanes) init(b *Broker) {
	n := lanesSingle
	if b.cluster != nil {
		n = lanesCluster
	}
	ls.b, ls.lanes = b, make([]lane, n)
	ls.arguments.script = publishScript.Hash()
	ls.arguments.positionTTL = b.o.PositionTTL.Milliseconds()
	ls.arguments.announce = b.announce()
	ls.arguments.suffix = b.keys.suffix
	ls.arguments.sender = b.id
	for i := range ls.lanes {
		ls.lanes[i].all, ls.lanes[i].wake = ls, make(chan struct{}, 1)
	}
}

func (ls *lanes) start() {
	for i := range ls.lanes {
		ls.wg.Go(ls.lanes[i].run)
	}
}

// close answers what waits, and ends the lanes.
func (ls *lanes) close() {
	for i := range ls.lanes {
		l := &ls.lanes[i]
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		l.signal()
	}
	ls.wg.Wait()
}

// push queues a publication, or refuses it.
func (ls *lanes) push(it *pending) {
	waiting, bytes := ls.waiting.Add(1), ls.bytes.Add(int64(it.size)) // finish takes off both
	if waiting > maxWaiting || bytes > maxWaitingBytes {
		ls.finish(it, fmt.Errorf("%w: too many publications wait", pubsub.ErrUnavailable))
		return
	}
	l := &ls.lanes[slot(it.record)*len(ls.lanes)/slots]
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		ls.finish(it, pubsub.ErrClosed)
		return
	}
	l.number++
	it.number = l.number
	l.queue = append(l.queue, it)
	l.mu.Unlock()
	l.signal()
}

func (ls *lanes) finish(it *pending, err error) {
	ls.waiting.Add(-1)
	ls.bytes.Add(-int64(it.size))
	it.finish(err)
}

func (l *lane) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lane) run() {
	for range l.wake {
		for {
			batch, closed := l.take()
			if len(batch) == 0 {
				if closed {
					return
				}
				break
			}
			for try := 0; len(batch) > 0; try++ {
				l.pause(try)
				batch = l.send(batch)
			}
		}
	}
}

// take returns the next pipeline.
func (l *lane) take() (batch []*pending, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, bytes := 0, 0
	for n < len(l.queue) && n < pipelineItems && (n == 0 || bytes < pipelineBytes) {
		bytes += l.queue[n].size
		n++
	}
	batch, l.queue = l.queue[:n:n], l.queue[n:]
	if len(l.queue) == 0 {
		l.queue = nil
	}
	return batch, l.closed
}

// pause waits in front of a repeat.
func (l *lane) pause(try int) {
	if try == 0 {
		return
	}
	d := time.Millisecond // enough when a script was missing or a slot had moved
	if try > 1 {
		d = min(10*time.Millisecond<<min(try, 5), 250*time.Millisecond)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.all.b.ctx.Done():
	}
}

// spare is the time that a publication must have left to be sent (again).
const spare = 100 * time.Millisecond

// send sends a pipeline, answers what it can and returns the rest, in order.
func (l *lane) send(batch []*pending) (rest []*pending) {
	now := time.Now()
	first := now.Add(answerWithin)
	closed := l.isClosed()
	ready := batch[:0]
	for _, it := range batch {
		if err := it.hopeless(now); err != nil || closed {
			if err == nil {
				err = it.unanswered(pubsub.ErrClosed)
			}
			l.all.finish(it, err)
			continue
		}
		if it.deadline.Before(first) {
			first = it.deadline
		}
		ready = append(ready, it)
	}
	if len(ready) == 0 {
		return nil
	}
	ctx, cancel := context.WithDeadline(l.all.b.ctx, first)
	defer cancel()
	results := l.exec(ctx, ready)
	for i, it := range ready {
		err := results[i]
		switch {
		case errors.Is(err, errAgain):
			rest = append(rest, it)
		default:
			if err == nil && !it.receipt.Duplicate {
				l.all.b.witness.note(it.p.Channel, acknowledged{it.receipt.Message.Pos, it.number})
			}
			l.all.finish(it, err)
		}
	}
	return rest
}

func (l *lane) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// hopeless returns why a publication should not be sent (again).
func (it *pending) hopeless(now time.Time) error {
	if it.after != nil {
		select {
		case <-it.after.done:
			if err := it.after.err; errors.Is(err, pubsub.ErrUnavailable) || errors.Is(err, pubsub.ErrOutcomeUnknown) || errors.Is(err, pubsub.ErrNotTried) {
				return it.unanswered(pubsub.ErrNotTried)
			}
			it.after = nil
		default: // in the same pipeline; the script holds the order
		}
	}
	if it.deadline.Sub(now) < spare {
		return it.unanswered(fmt.Errorf("%w: it did not answer in time", pubsub.ErrUnavailable))
	}
	return nil
}

// unanswered is the error of a publication that is given up: what was sent may be stored.
func (it *pending) unanswered(err error) error {
	if it.sent {
		return pubsub.ErrOutcomeUnknown
	}
	return err
}

// exec sends publications in pipelines, one for each master, and returns an error for each:
// errAgain when it is worth another try.
func (l *lane) exec(ctx context.Context, batch []*pending) []error {
	results := make([]error, len(batch))
	epoch := string(pubsub.NewEpoch()) // for channels that begin with this pipeline
	last := make(map[pubsub.Channel]uint64, len(batch))
	type part struct {
		pipe  redis.Pipeliner
		cmds  []*redis.Cmd
		items []int
	}
	parts := make(map[*redis.Client]*part, 1)
	for i, it := range batch {
		it.epoch, it.inFront = epoch, last[it.p.Channel]
		if it.leads = it.inFront == 0; it.leads {
			it.inFront = l.all.b.witness.last(it.p.Channel).number
		}
		last[it.p.Channel] = it.number // also if it is not sent: what is behind it must not be stored before it
		node, err := l.all.b.master(ctx, it.record)
		if err != nil {
			results[i] = errAgain // nothing is known of the Cluster now
			continue
		}
		p := parts[node]
		if p == nil {
			p = &part{pipe: node.Pipeline(), cmds: make([]*redis.Cmd, 0, len(batch)), items: make([]int, 0, len(batch))}
			parts[node] = p
		}
		cmd := it.command(ctx)
		p.pipe.Process(ctx, cmd)
		p.cmds = append(p.cmds, cmd)
		p.items = append(p.items, i)
	}
	var trouble trouble
	for _, p := range parts {
		p.pipe.Exec(ctx) // every command has its own error
		for k, cmd := range p.cmds {
			it := batch[p.items[k]]
			results[p.items[k]] = l.all.b.outcome(ctx, it, cmd, &trouble)
		}
	}
	l.all.b.mend(ctx, trouble)
	return results
}

// trouble is what the replies of a pipeline said about Redis.
type trouble struct {
	noScript bool
	moved    bool
	lost     []pubsub.Channel // that lack what was acknowledged
}

// outcome judges the reply to a publication.
func (b *Broker) outcome(ctx context.Context, it *pending, cmd *redis.Cmd, t *trouble) error {
	reply, err := cmd.Text()
	if err != nil && b.cluster != nil && redis.HasErrorPrefix(err, "ASK ") {
		// The slot is moving, and its new master has the channel. One by one, go-redis follows.
		again := redis.NewCmd(ctx, cmd.Args()...)
		it.sent = true // what it does on the way is not seen from here
		b.cluster.Process(ctx, again)
		reply, err = again.Text()
	}
	if err == nil {
		err = it.answer(reply)
		if errors.Is(err, errAgain) && it.leads {
			t.lost = append(t.lost, it.p.Channel)
		}
		return err
	}
	var answer redis.Error
	switch {
	case !errors.As(err, &answer):
		it.sent = it.sent || !notSent(err)
		return errAgain
	case strings.HasPrefix(answer.Error(), "NOSCRIPT"):
		t.noScript = true
		return errAgain
	case strings.HasPrefix(answer.Error(), "MOVED"), strings.HasPrefix(answer.Error(), "READONLY"):
		t.moved = true
		return errAgain
	case passing(err) && !strings.HasPrefix(answer.Error(), "OOM") && !strings.HasPrefix(answer.Error(), "MISCONF") && !strings.HasPrefix(answer.Error(), "NOREPLICAS"):
		return errAgain
	case brokeOff(answer):
		return fmt.Errorf("%w: %w", pubsub.ErrOutcomeUnknown, err)
	}
	return it.unanswered(fmt.Errorf("%w: %w", pubsub.ErrUnavailable, err)) // an earlier try may still be on its way
}

// brokeOff reports whether a script may have written something before it failed. Redis refuses
// to write for one of these reasons before the first write or not at all.
func brokeOff(answer redis.Error) bool {
	text := answer.Error()
	return strings.Contains(text, "user_script") && !slices.ContainsFunc(
		[]string{"OOM ", "MISCONF ", "NOREPLICAS ", "READONLY ", "WRONGTYPE "},
		func(reason string) bool { return strings.Contains(text, reason) },
	)
}

// mend does what makes the next try better than the last.
func (b *Broker) mend(ctx context.Context, t trouble) {
	if t.noScript {
		b.loadScripts(ctx) // if this fails, so does the next try, which tells
	}
	if t.moved && b.cluster != nil {
		b.cluster.ReloadState(ctx)
	}
	if len(t.lost) > 0 {
		b.witness.search(ctx, t.lost) // likewise
	}
}

// master returns the client of the master that has a key.
func (b *Broker) master(ctx context.Context, key string) (*redis.Client, error) {
	if b.cluster != nil {
		return b.cluster.MasterForKey(ctx, key)
	}
	return b.client.(*redis.Client), nil
}
