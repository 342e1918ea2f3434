package bridge

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
)

// The model-based test: publishers, purges and rollbacks write a plain reference log beside
// the broker, clients come and go in every way, and each holds what it was given against
// the reference. Time is virtual, so that ages, lingering and stalling are part of it.

// A timeline is the plain reference log of one channel. Its mutex orders what is done to
// the broker's log.
type timeline struct {
	mu       sync.Mutex
	end      pubsub.Position
	branch   []uuid.UUID                   // ids of the present life, by offset - 1
	digests  []pubsub.Digest               // behind each of them
	ever     map[pubsub.Position]uuid.UUID // all that was ever appended
	rolled   map[pubsub.Epoch]bool         // epochs that went back at least once
	purges   int
	appended int
	changed  time.Time // when something happened to it last
}

func newTimeline(end pubsub.Position) *timeline {
	return &timeline{end: end, ever: make(map[pubsub.Position]uuid.UUID), rolled: make(map[pubsub.Epoch]bool)}
}

func (tl *timeline) add(m *pubsub.Message) {
	tl.end = m.Pos
	tl.branch = append(tl.branch, m.ID)
	tl.digests = append(tl.digests, m.Pos.Digest)
	tl.ever[m.Pos] = m.ID
	tl.appended++
	tl.changed = time.Now()
}

func (tl *timeline) digestAt(offset uint64) pubsub.Digest {
	if offset == 0 {
		return 0
	}
	return tl.digests[offset-1]
}

// A world is one run of the model.
type world struct {
	t         *testing.T
	bridge    *Bridge
	broker    *membroker.Broker
	far       *far
	names     []pubsub.Channel
	lines     map[pubsub.Channel]*timeline
	retention map[pubsub.Channel]pubsub.Retention
	done      atomic.Bool

	mu        sync.Mutex
	violation error // the first one
	seen      map[string]int
}

func (w *world) violated(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.violation == nil {
		w.violation = fmt.Errorf(format, args...)
	}
}

func (w *world) count(what string) {
	w.mu.Lock()
	w.seen[what]++
	w.mu.Unlock()
}

func (w *world) failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.violation != nil
}

func (w *world) publish(name pubsub.Channel, r *rand.Rand) {
	tl := w.lines[name]
	tl.mu.Lock()
	defer tl.mu.Unlock()
	receipt, err := w.bridge.Publish(context.Background(), pubsub.Publication{
		Channel: name,
		Data:    pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, r.IntN(400))},
	})
	if err != nil {
		w.violated("publish: %v", err)
		return
	}
	tl.add(receipt.Message)
}

func (w *world) purge(name pubsub.Channel) {
	tl := w.lines[name]
	tl.mu.Lock()
	defer tl.mu.Unlock()
	end, err := w.bridge.Purge(context.Background(), name)
	if err != nil {
		w.violated("purge: %v", err)
		return
	}
	tl.end, tl.branch, tl.digests = end, nil, nil
	tl.purges++
	tl.changed = time.Now()
	w.count("purges")
}

// rollback loses the newest messages, and appends others in their place, so that the log
// may be as long as before, or longer.
func (w *world) rollback(name pubsub.Channel, r *rand.Rand) {
	tl := w.lines[name]
	tl.mu.Lock()
	lost := 1 + r.Uint64N(6)
	if tl.end.Offset < lost {
		tl.mu.Unlock()
		return
	}
	end, err := w.broker.Rollback(context.Background(), name, tl.end.Offset-lost)
	if err != nil {
		w.violated("rollback: %v", err)
	}
	tl.end = end
	tl.branch, tl.digests = tl.branch[:end.Offset], tl.digests[:end.Offset]
	tl.rolled[end.Epoch] = true
	tl.changed = time.Now()
	tl.mu.Unlock()
	w.count("rollbacks")
	for range r.IntN(10) {
		w.publish(name, r)
	}
}

func (w *world) write(r *rand.Rand, publishes int) {
	for range publishes {
		name := w.names[r.IntN(len(w.names))]
		switch n := r.IntN(300); {
		case n == 0:
			w.purge(name)
		case n < 3:
			w.rollback(name, r)
		default:
			w.publish(name, r)
		}
		if r.IntN(60) == 0 {
			time.Sleep(time.Duration(r.IntN(6000)) * time.Millisecond)
		} else {
			time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
		}
		if w.failed() {
			return
		}
	}
}

// run plays one world and returns what it saw.
func run(t *testing.T, seed uint64, flawed flaws, around func(pubsub.Broker, *world) pubsub.Broker) (w *world) {
	synctest.Test(t, func(t *testing.T) {
		w = &world{t: t, lines: make(map[pubsub.Channel]*timeline), seen: make(map[string]int)}
		w.retention = map[pubsub.Channel]pubsub.Retention{
			"count": {Count: 25, Age: 24 * time.Hour, Bytes: 1 << 20},
			"bytes": {Count: 1000, Age: 24 * time.Hour, Bytes: 12 << 10},
			"age":   {Count: 1000, Age: 900 * time.Millisecond, Bytes: 1 << 20},
			"off":   {},
			"long":  {Count: 100_000, Age: 24 * time.Hour, Bytes: 64 << 20},
		}
		w.names = []pubsub.Channel{"count", "bytes", "age", "off", "long"}
		w.broker = membroker.New(membroker.Options{Retention: func(c pubsub.Channel) pubsub.Retention { return w.retention[c] }})
		w.far = newFar(w.broker, w, seed)
		var broker pubsub.Broker = w.far
		if around != nil {
			broker = around(broker, w)
		}
		w.bridge = New(broker, Options{Queue: 6 << 10, Linger: 500 * time.Millisecond, Stall: 3 * time.Second})
		w.bridge.flaws = flawed
		if err := w.bridge.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, name := range w.names {
			info, err := w.bridge.Info(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			w.lines[name] = newTimeline(info.Pos)
		}
		w.play(seed)
		if err := w.bridge.Close(); err != nil {
			t.Fatal(err)
		}
	})
	return w
}

func (w *world) play(seed uint64) {
	var writers, readers sync.WaitGroup
	for i := range 3 {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		writers.Go(func() { w.write(r, 900) })
	}
	for i := range 12 {
		r := rand.New(rand.NewPCG(seed, uint64(100+i)))
		rd := &reader{w: w, name: fmt.Sprintf("client %d", i), stands: make(map[pubsub.Channel]pubsub.Position)}
		readers.Go(func() {
			for !w.done.Load() && !w.failed() {
				rd.session(r)
				time.Sleep(time.Duration(r.IntN(r.IntN(3000)+1)) * time.Millisecond)
			}
			if !w.failed() {
				rd.settle()
			}
		})
	}
	writers.Wait()
	w.far.mend()
	w.done.Store(true)
	readers.Wait()
}

func TestModel(t *testing.T) {
	total := make(map[string]int)
	for seed := range uint64(8) {
		w := run(t, seed, flaws{}, nil)
		if w.violation != nil {
			t.Errorf("seed %d: %v", seed, w.violation)
		}
		for what, n := range w.seen {
			total[what] += n
		}
	}
	t.Logf("seen: %v", total)
	// A run that did not meet these proves little.
	for _, what := range []string{"messages", "purges", "rollbacks", "trimmed", "purged", "rollback", "too slow", "idle"} {
		if total[what] == 0 {
			t.Errorf("no %s in any run", what)
		}
	}
}

// TestModelNoticesFlaws breaks the bridge on purpose. A run that does not notice would not
// notice the real mistake either.
func TestModelNoticesFlaws(t *testing.T) {
	t.Run("catch-up off", func(t *testing.T) { expectViolation(t, flaws{noCatchUp: true}, nil) })
	t.Run("register and read swapped", func(t *testing.T) { expectViolation(t, flaws{readFirst: true}, nil) })
	t.Run("readings that outlive a break", func(t *testing.T) { expectViolation(t, flaws{unbroken: true}, nil) })
	t.Run("digest ignored", func(t *testing.T) {
		expectViolation(t, flaws{}, func(b pubsub.Broker, w *world) pubsub.Broker { return &credulous{b, w} })
	})
}

// expectViolation plays worlds until one notices. What outlives a break heals with the next
// message, most of the time: one world in three ends before that. The others need one or two.
func expectViolation(t *testing.T, flawed flaws, around func(pubsub.Broker, *world) pubsub.Broker) {
	t.Helper()
	for seed := range uint64(60) {
		if w := run(t, seed, flawed, around); w.violation != nil {
			t.Logf("world %d noticed: %v", seed, w.violation)
			return
		}
	}
	t.Fatal("the model noticed nothing")
}

// A credulous broker takes every digest for right.
type credulous struct {
	pubsub.Broker
	w *world
}

func (b *credulous) Read(ctx context.Context, c pubsub.Channel, since pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	tl := b.w.lines[c]
	tl.mu.Lock()
	if since.Epoch == tl.end.Epoch && since.Offset <= tl.end.Offset {
		since.Digest = tl.digestAt(since.Offset)
	}
	tl.mu.Unlock()
	return b.Broker.Read(ctx, c, since, limit)
}
