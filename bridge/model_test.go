package bridge

import (
	"context"
	"errors"
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
		if r.IntN(40) == 0 {
			time.Sleep(time.Duration(r.IntN(1500)) * time.Millisecond)
		} else {
			time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond)
		}
		if w.failed() {
			return
		}
	}
}

// A reader is a client over many connections: all it keeps is where it stands.
type reader struct {
	w      *world
	name   string
	stands map[pubsub.Channel]pubsub.Position
}

// take holds one item against the reference.
func (rd *reader) take(it Item) {
	switch it := it.(type) {
	case *Delivery:
		m := it.Message
		at, ok := rd.stands[m.Channel]
		if !ok {
			rd.w.violated("%s: message of %s, to which it is not subscribed", rd.name, m.Channel)
		}
		if want := at.Next(m.ID); m.Pos != want {
			rd.w.violated("%s: %s: at %v it was given %v", rd.name, m.Channel, at, m.Pos)
		}
		tl := rd.w.lines[m.Channel]
		tl.mu.Lock()
		// The message may be announced before its publisher has written it down: the publisher
		// holds the mutex until then.
		if id, ok := tl.ever[m.Pos]; !ok || id != m.ID {
			rd.w.violated("%s: %s: nobody appended %v", rd.name, m.Channel, m.Pos)
		}
		tl.mu.Unlock()
		rd.stands[m.Channel] = m.Pos
		rd.w.count("messages")
	case *Gap:
		at := rd.stands[it.Channel]
		if it.From != at {
			rd.w.violated("%s: %s: at %v it was told of a gap from %v", rd.name, it.Channel, at, it.From)
		}
		rd.judge(it)
		rd.stands[it.Channel] = it.To
		rd.w.count(string(it.Reason))
	case Reply:
		rd.w.count("replies")
	}
}

// judge holds a gap against the reference: it had a reason, and covers nothing that the
// client could have been given.
func (rd *reader) judge(g *Gap) {
	tl := rd.w.lines[g.Channel]
	tl.mu.Lock()
	defer tl.mu.Unlock()
	if _, ok := tl.ever[g.To]; !ok && g.To.Offset != 0 {
		rd.w.violated("%s: gap to %v, where nothing ever stood", rd.name, g.To)
	}
	retention := rd.w.retention[g.Channel]
	switch g.Reason {
	case pubsub.Trimmed:
		if g.To.Epoch != g.From.Epoch || g.To.Offset <= g.From.Offset {
			rd.w.violated("%s: trimmed from %v to %v", rd.name, g.From, g.To)
		}
		// Only retention by count tells from the outside what must still be there.
		kept := g.To.Offset + uint64(retention.Count)
		if retention.Age > time.Hour && retention.Bytes >= 1<<20 && g.To.Epoch == tl.end.Epoch && !tl.rolled[g.To.Epoch] && kept > tl.end.Offset {
			rd.w.violated("%s: trimmed up to %v, but %d of %v are kept", rd.name, g.To, retention.Count, tl.end)
		}
	case pubsub.Rollback:
		if g.To.Epoch != g.From.Epoch || !tl.rolled[g.To.Epoch] {
			rd.w.violated("%s: rollback from %v to %v, but %s never went back", rd.name, g.From, g.To, g.Channel)
		}
	case pubsub.Purged:
		if !g.To.Epoch.PurgedFrom(g.From.Epoch) {
			rd.w.violated("%s: purged from %v to %v", rd.name, g.From, g.To)
		}
	default:
		rd.w.violated("%s: gap %q, but memory is ample and the broker never restarted", rd.name, g.Reason)
	}
}

// session is one connection: it resumes everything, drains for a while, and leaves.
func (rd *reader) session(r *rand.Rand) {
	woken := make(chan struct{}, 1)
	c := rd.w.bridge.Connect(Hooks{Wake: func() { woken <- struct{}{} }})
	defer c.Close()

	for _, name := range rd.w.names {
		at, known := rd.stands[name]
		if !known && r.IntN(2) == 0 {
			continue
		}
		rd.subscribe(c, name, at, known, r)
	}
	limit := Limit{Messages: 1 + r.IntN(60), Bytes: 500 + r.IntN(64<<10)}
	slow := r.IntN(6) == 0
	for range 1 + r.IntN(40) {
		if r.IntN(12) == 0 {
			rd.leaveOne(c, r)
		}
		items, err := c.Pull(context.Background(), nil, limit)
		if errors.Is(err, ErrTooSlow) {
			rd.w.count("too slow")
			return // with what it had before: the rest is read again
		} else if err != nil {
			rd.w.violated("%s: pull: %v", rd.name, err)
			return
		}
		for _, it := range items {
			rd.take(it)
		}
		if slow {
			time.Sleep(time.Duration(r.IntN(4000)) * time.Millisecond)
		}
		if len(items) > 0 {
			continue
		}
		select {
		case <-woken:
		case <-time.After(time.Duration(r.IntN(2000)) * time.Millisecond):
			return
		}
	}
}

func (rd *reader) subscribe(c *Client, name pubsub.Channel, at pubsub.Position, known bool, r *rand.Rand) {
	tl := rd.w.lines[name]
	start := pubsub.Behind(at)
	if !known {
		start.Resume = r.IntN(3) == 0 // "0", else from now
	}
	tl.mu.Lock()
	before := tl.end
	tl.mu.Unlock()
	pos, err := c.Subscribe(context.Background(), name, start, func(pubsub.Position) Reply { return Reply("subscribed") })
	if err != nil {
		if !errors.Is(err, ErrTooSlow) {
			rd.w.violated("%s: subscribe: %v", rd.name, err)
		}
		return
	}
	switch {
	case known && pos != at:
		rd.w.violated("%s: resumed %s at %v, shown %v", rd.name, name, pos, at)
	case !start.Resume && pos.Epoch == before.Epoch && pos.Offset < before.Offset:
		tl.mu.Lock()
		if !tl.rolled[pos.Epoch] {
			rd.w.violated("%s: from now begins at %v, behind the end was %v", rd.name, pos, before)
		}
		tl.mu.Unlock()
	}
	rd.stands[name] = pos
}

// leaveOne unsubscribes one channel in the middle, and forgets where it stood.
func (rd *reader) leaveOne(c *Client, r *rand.Rand) {
	name := rd.w.names[r.IntN(len(rd.w.names))]
	if !c.Unsubscribe(name, nil) {
		return
	}
	// What was queued before may still come; nothing after that.
	items, err := c.Pull(context.Background(), nil, Limit{Messages: 1000, Bytes: 1 << 20})
	if err != nil {
		return // the session learns of it as well
	}
	for _, it := range items {
		rd.take(it)
	}
	delete(rd.stands, name)
}

// settle drains everything and stands at the end of each channel.
func (rd *reader) settle() {
	c := rd.w.bridge.Connect(Hooks{Wake: func() {}})
	defer c.Close()
	for name, at := range rd.stands {
		if _, err := c.Subscribe(context.Background(), name, pubsub.Behind(at), nil); err != nil {
			rd.w.violated("%s: settle: %v", rd.name, err)
		}
	}
	for {
		items, err := c.Pull(context.Background(), nil, Limit{Messages: 100, Bytes: 1 << 20})
		if err != nil {
			rd.w.violated("%s: settle: %v", rd.name, err)
		}
		if len(items) == 0 || err != nil {
			break
		}
		for _, it := range items {
			rd.take(it)
		}
	}
	for name, at := range rd.stands {
		if end := rd.w.lines[name].end; at != end {
			rd.w.violated("%s: %s: everything was drained at %v, the log ends at %v", rd.name, name, at, end)
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
		var broker pubsub.Broker = w.broker
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
	w.done.Store(true)
	readers.Wait()
}

func TestModel(t *testing.T) {
	total := make(map[string]int)
	for seed := range uint64(12) {
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
	for _, what := range []string{"messages", "purges", "rollbacks", "trimmed", "purged", "rollback", "too slow"} {
		if total[what] == 0 {
			t.Errorf("no %s in any run", what)
		}
	}
}

// TestModelNoticesFlaws breaks the bridge on purpose. A run that does not notice would not
// notice the real mistake either.
func TestModelNoticesFlaws(t *testing.T) {
	t.Run("catch-up off", func(t *testing.T) {
		expectViolation(t, run(t, 1, flaws{noCatchUp: true}, nil))
	})
	t.Run("register and read swapped", func(t *testing.T) {
		expectViolation(t, run(t, 1, flaws{readFirst: true}, nil))
	})
	t.Run("digest ignored", func(t *testing.T) {
		expectViolation(t, run(t, 1, flaws{}, func(b pubsub.Broker, w *world) pubsub.Broker { return &credulous{b, w} }))
	})
}

func expectViolation(t *testing.T, w *world) {
	t.Helper()
	if w.violation == nil {
		t.Fatalf("the model noticed nothing; seen: %v", w.seen)
	}
	t.Logf("noticed: %v", w.violation)
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
