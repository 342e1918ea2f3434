package redisbroker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A witness remembers where the messages stand that were acknowledged lately. Redis copies to
// replicas after it has answered, so one that is promoted may lack the newest of them, and
// counts on as if they had never been. Where a log has lost what the witness remembers, it
// leaves a scar: clients that had not come so far yet are told as well.
//
// It is found out by the next publication, which brings the number of the one remembered along
// (see publish.lua), so that nothing takes its place that does not follow it; and, where nothing
// more is published, by looking for it when a master was replaced or restarted. What was
// announced is looked for when a line was lost (see followed.held).
//
// What an instance acknowledged or announced and forgot with its own death, nobody knows.
type witness struct {
	b *Broker

	mu            sync.Mutex
	recent, older map[pubsub.Channel]acknowledged // the newest of each channel

	// Owned by run.
	masters []string // run ids, sorted; nil: not known yet
}

// acknowledged is a publication that was.
type acknowledged struct {
	pos    pubsub.Position
	number uint64 // of its lane
}

const (
	witnessEvery  = time.Second
	witnessRotate = 30 * time.Second // what is remembered is at least this old before it goes
	witnessMost   = 64 << 10         // channels; beyond, new ones are not remembered until the next turn
)

func (w *witness) init(b *Broker) { w.b, w.recent = b, make(map[pubsub.Channel]acknowledged) }

// note remembers a publication, in the place of the one that the script has found in front of it.
func (w *witness) note(c pubsub.Channel, a acknowledged) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.recent[c]; known || len(w.recent) < witnessMost {
		w.recent[c] = a
	}
}

// last returns what is remembered of a channel; number 0: nothing.
func (w *witness) last(c pubsub.Channel) acknowledged {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a, known := w.recent[c]; known {
		return a
	}
	return w.older[c]
}

// search looks for what is remembered of channels that seem to lack it, and forgets it: their logs
// have it, or are marked.
func (w *witness) search(ctx context.Context, channels []pubsub.Channel) error {
	known := make(map[pubsub.Channel]pubsub.Position, len(channels))
	for _, c := range channels {
		if a := w.last(c); a.number > 0 {
			known[c] = a.pos
		}
	}
	if err := w.b.mark(ctx, known); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range known {
		delete(w.recent, c)
		delete(w.older, c)
	}
	return nil
}

func (w *witness) rotate() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.older, w.recent = w.recent, make(map[pubsub.Channel]acknowledged)
}

func (w *witness) remembered() map[pubsub.Channel]pubsub.Position {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[pubsub.Channel]pubsub.Position, len(w.older)+len(w.recent))
	for _, some := range []map[pubsub.Channel]acknowledged{w.older, w.recent} {
		for c, a := range some {
			all[c] = a.pos
		}
	}
	return all
}

// run looks after the masters until the broker is closed.
func (w *witness) run() {
	ticker := time.NewTicker(witnessEvery)
	defer ticker.Stop()
	rotated := time.Now()
	w.look()
	for {
		select {
		case <-w.b.ctx.Done():
			return
		case <-ticker.C:
		}
		if w.look() && time.Since(rotated) > witnessRotate {
			w.rotate()
			rotated = time.Now()
		}
	}
}

// look reports whether all that is remembered is known to be in the logs: nothing has
// happened to the masters, or what they lack was marked.
func (w *witness) look() bool {
	ctx, cancel := context.WithTimeout(w.b.ctx, answerWithin)
	defer cancel()
	now, err := w.b.runIDs(ctx)
	if err != nil {
		return false
	}
	if w.masters != nil && !slices.Equal(now, w.masters) {
		// It may take long, and comes to its end: each pipeline is bounded.
		if err := w.b.mark(w.b.ctx, w.remembered()); err != nil {
			return false
		}
	}
	w.masters = now
	return true
}

// runIDs returns what tells the masters from others and from earlier lives of themselves.
func (b *Broker) runIDs(ctx context.Context) ([]string, error) {
	var mu sync.Mutex
	var ids []string
	err := b.masters(ctx, func(ctx context.Context, node *redis.Client) error {
		info, err := node.Info(ctx, "server").Result()
		if err != nil {
			return err
		}
		_, id, _ := strings.Cut(info, "run_id:")
		id, _, _ = strings.Cut(id, "\r\n")
		mu.Lock()
		ids = append(ids, id)
		mu.Unlock()
		return nil
	})
	slices.Sort(ids)
	return ids, err
}

// outermost returns positions together with what else is known of their channels. What is
// furthest comes first: if it is gone, its scar is one for the others as well.
func (b *Broker) outermost(known map[pubsub.Channel]pubsub.Position) (channels []pubsub.Channel, positions []pubsub.Position) {
	for c, p := range known {
		all := []pubsub.Position{p}
		if a := b.witness.last(c); a.number > 0 {
			all = append(all, a.pos)
		}
		if held := b.lines.held(c); !held.IsZero() {
			all = append(all, held)
		}
		slices.SortFunc(all, func(a, b pubsub.Position) int { return cmp.Compare(b.Offset, a.Offset) })
		for _, p := range slices.Compact(all) {
			channels, positions = append(channels, c), append(positions, p)
		}
	}
	return channels, positions
}

// mark looks for positions that were once acknowledged or announced in the logs, and leaves a
// scar in each log that lost its own. An error says that trying again may mark more; a log that
// cannot be marked at all does not keep the others.
func (b *Broker) mark(ctx context.Context, known map[pubsub.Channel]pubsub.Position) error {
	if b.flaws.ignoreDigest {
		return nil
	}
	channels, positions := b.outermost(known)
	scars := 0
	var damaged error // of one of those that cannot be marked
	err := b.each(ctx, scarScript, channels, func(i int) []any {
		p := positions[i]
		scar := pubsub.Publication{ID: uuid.Must(uuid.NewV7())}
		return []any{
			string(p.Epoch), p.Offset, fmt.Sprintf("%08x", uint32(p.Digest)),
			appendBody(nil, &scar), new(pubsub.Message).Size(), b.announce(), b.keys.suffix,
		}
	}, func(i int, cmd *redis.Cmd) error {
		n, err := cmd.Int()
		scars += n
		if err != nil && !passing(err) {
			damaged = fmt.Errorf("the log of %s: %w", channels[i], err)
			return nil
		}
		return err
	})
	if scars > 0 {
		b.log.Error("Redis lost messages that were acknowledged; their subscribers are told", "channels", scars)
	}
	if damaged != nil {
		b.log.Error("what Redis lost of some logs cannot be told", "one of them", damaged)
	}
	return err
}
