package redisbroker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

const (
	answerWithin  = 4750 * time.Millisecond // a publication gets its answer, whatever happens
	confirmWithin = 2 * time.Second         // of that, for a replica to confirm
)

// Publish implements [pubsub.Broker].
func (b *Broker) Publish(ctx context.Context, p pubsub.Publication) (pubsub.Receipt, error) {
	o := b.PublishBatch(ctx, []pubsub.Publication{p})[0]
	return o.Receipt, o.Err
}

// PublishBatch implements [pubsub.Broker]. What was sent when Redis fell silent is
// ErrOutcomeUnknown, also behind another of its channel: it may be stored, if that one is.
func (b *Broker) PublishBatch(ctx context.Context, ps []pubsub.Publication) []pubsub.Outcome {
	outcomes := make([]pubsub.Outcome, len(ps))
	if err := b.refuse(ctx); err != nil {
		for i := range outcomes {
			outcomes[i].Err = err
		}
		return outcomes
	}
	start := time.Now()
	items := make([]*pending, len(ps))
	var last map[pubsub.Channel]*pending
	if len(ps) > 1 {
		last = make(map[pubsub.Channel]*pending)
	}
	for i := range ps {
		deadline := start.Add(answerWithin)
		if ps[i].Replicated {
			deadline = deadline.Add(-confirmWithin)
		}
		it := b.newPending(&ps[i], deadline)
		if last != nil {
			it.after = last[it.p.Channel]
			last[it.p.Channel] = it
		}
		items[i] = it
		b.lanes.push(it)
	}
	var confirming []int
	for i, it := range items {
		outcomes[i].Receipt, outcomes[i].Err = it.wait(ctx)
		if outcomes[i].Err == nil && it.p.Replicated {
			confirming = append(confirming, i)
		}
	}
	if len(confirming) > 0 {
		b.replicas.confirm(ctx, outcomes, confirming, start.Add(answerWithin))
	}
	return outcomes
}

// A pending is a publication on its way through a lane.
type pending struct {
	p        pubsub.Publication // a copy: the caller may leave before the lane is done with it
	size     int
	deadline time.Time
	after    *pending // of the same channel and batch: to be stored first

	// What is sent. Pointers among args are sent as what they point to, and need no box.
	args            []any // of EVALSHA, see publish.lua
	record, log     string
	count           int
	age, bytes      int64
	epoch           string
	number, inFront uint64
	leads           bool // the one in front of it is not in the same pipeline

	// Owned by the lane, and by whoever waits once done is closed.
	sent    bool // may have reached Redis
	receipt pubsub.Receipt
	err     error
	done    chan struct{}
}

func (b *Broker) newPending(p *pubsub.Publication, deadline time.Time) *pending {
	m := pubsub.Message{Event: p.Event, Data: p.Data, From: p.From, Meta: p.Meta, Stream: p.Stream}
	it := &pending{
		p: *p, size: m.Size(), deadline: deadline, done: make(chan struct{}),
		record: b.keys.record(p.Channel), log: b.keys.log(p.Channel),
	}
	it.count, it.age, it.bytes = b.retention(p.Channel)
	body := appendBody(make([]byte, 0, idLength+64+len(p.Event)+len(p.Data.Bytes)), p)
	all := &b.lanes.arguments
	it.args = append(make([]any, 0, 20), "evalsha", all.script, 2, &it.record, &it.log)
	if p.Key != "" {
		it.args[2] = 3
		it.args = append(it.args, b.keys.answer(p.Channel, p.Key))
	}
	it.args = append(it.args,
		body, &it.size, &it.count, &it.age, &it.bytes, all.positionTTL, &it.epoch,
		all.announce, all.suffix, all.sender, &it.number, &it.inFront,
	)
	if p.Key != "" {
		it.args = append(it.args, fingerprint(p), pubsub.IdempotencyWindow.Milliseconds())
	}
	return it
}

// command returns what is sent.
func (it *pending) command(ctx context.Context) *redis.Cmd {
	cmd := redis.NewCmd(ctx, it.args...)
	cmd.SetFirstKeyPos(3)
	return cmd
}

// fingerprint sums up what a repeat must have in common with the first publication, on all
// instances alike: event and data. Meta may differ, since it carries what changes from try to
// try, such as the ids of traces.
func fingerprint(p *pubsub.Publication) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %d %s", p.Data.Kind, len(p.Event), p.Event)
	h.Write(p.Data.Bytes)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// wait returns the outcome. A caller that leaves earlier does not take back what was sent.
func (it *pending) wait(ctx context.Context) (pubsub.Receipt, error) {
	select {
	case <-it.done:
		return it.receipt, it.err
	case <-ctx.Done():
		return pubsub.Receipt{}, fmt.Errorf("%w: %w", pubsub.ErrOutcomeUnknown, ctx.Err())
	}
}

// finish answers whoever waits.
func (it *pending) finish(err error) {
	it.err = err
	close(it.done)
}

// errAgain: the publication is to be sent once more.
var errAgain = errors.New("again")

// answer takes what publish.lua returned.
func (it *pending) answer(reply string) error {
	word, rest, _ := strings.Cut(reply, " ")
	pos, rest, _ := strings.Cut(rest, " ")
	switch word {
	case "new":
		p, err1 := pubsub.ParsePosition(pos)
		ms, err2 := strconv.ParseInt(rest, 10, 64)
		if err1 == nil && err2 == nil {
			it.receipt.Message = &pubsub.Message{
				Channel: it.p.Channel, ID: it.p.ID, Pos: p, Event: it.p.Event, Data: it.p.Data,
				Time: time.UnixMilli(ms).UTC(), From: it.p.From, Meta: it.p.Meta, Stream: it.p.Stream,
			}
			return nil
		}
	case "dup":
		p, err1 := pubsub.ParsePosition(pos)
		id, err2 := uuid.Parse(rest)
		if err1 == nil && err2 == nil {
			it.receipt = pubsub.Receipt{Duplicate: true, Message: &pubsub.Message{Channel: it.p.Channel, ID: id, Pos: p}}
			return nil
		}
	case "key":
		return pubsub.ErrKeyReused
	case "wait":
		return errAgain
	case "sent":
		return fmt.Errorf("%w: it is stored, at a place that is no longer known", pubsub.ErrOutcomeUnknown)
	}
	return fmt.Errorf("%w: %w: the answer of a script", pubsub.ErrOutcomeUnknown, errDamaged)
}
