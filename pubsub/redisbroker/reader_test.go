package redisbroker

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// A reader is a started broker and its receiver, which gets all messages of the channels that it
// follows as a bridge does: those announced in order; and behind a hole or a Break, from the log.
type reader struct {
	*Broker
	t testing.TB

	mu       sync.Mutex // guards what follows
	channels map[pubsub.Channel]*reading
	kick     chan struct{}
	closed   bool // no call of the receiver may come
	breaks   int
}

// A reading is how far a reader is in one channel.
type reading struct {
	at    pubsub.Position
	got   []string
	stale bool // is read from the log; what is announced meanwhile makes it be read once more
	again bool
	gaps  []pubsub.Gap
}

// read starts a broker with a reader. The server may be nil.
func read(t testing.TB, server *redistest.Server, change ...func(*Options)) *reader {
	t.Helper()
	return readWith(t, server, flaws{}, change...)
}

func readWith(t testing.TB, server *redistest.Server, f flaws, change ...func(*Options)) *reader {
	t.Helper()
	var o Options
	if server != nil {
		o.Addrs = []string{server.Addr()}
	}
	for _, set := range change {
		set(&o)
	}
	b, err := New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	b.flaws = f
	r := &reader{Broker: b, t: t, channels: make(map[pubsub.Channel]*reading), kick: make(chan struct{}, 1)}
	if err := b.Start(t.Context(), r); err != nil {
		b.Close()
		t.Fatalf("Start: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { r.run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
	})
	return r
}

// through leads a broker through a proxy.
func through(p *redistest.Proxy) func(*Options) {
	return func(o *Options) { o.Addrs = []string{p.Addr()} }
}

func (r *reader) Message(m *pubsub.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.called(m.Channel)
	if in := r.channels[m.Channel]; in != nil {
		switch {
		case in.stale:
			in.again = true
		case in.at.Next(m.ID) == m.Pos:
			in.at, in.got = m.Pos, append(in.got, text(m))
		case in.at.Epoch != m.Pos.Epoch || in.at.Offset < m.Pos.Offset:
			r.read(in)
		}
	}
}

func (r *reader) Break(c pubsub.Channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.called(c)
	r.breaks++
	if in := r.channels[c]; in != nil {
		r.read(in)
	}
}

// text is what [pubsubtest.NewPublication] was given.
func text(m *pubsub.Message) string { return strings.Trim(string(m.Data.Bytes), `"`) }

func (r *reader) called(c pubsub.Channel) {
	if r.closed {
		r.t.Errorf("the receiver is told of %s after Close returned", c)
	}
}

func (r *reader) Subscribers(pubsub.Channel) int { return 1 }

func (r *reader) read(in *reading) {
	in.stale, in.again = true, true
	signal(r.kick)
}

// run reads the logs that are to be read.
func (r *reader) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.kick:
		case <-time.After(20 * time.Millisecond):
		}
		r.mu.Lock()
		stale := make(map[pubsub.Channel]*reading)
		for c, in := range r.channels {
			if in.stale {
				stale[c] = in
			}
		}
		r.mu.Unlock()
		for c, in := range stale {
			r.catchUp(ctx, c, in)
		}
	}
}

// catchUp reads one log to its end.
func (r *reader) catchUp(ctx context.Context, c pubsub.Channel, in *reading) {
	for {
		r.mu.Lock()
		in.again = false
		at := in.at
		r.mu.Unlock()
		page, err := r.Broker.Read(ctx, c, at, pubsub.Limit{Messages: 1000, Bytes: 1 << 20})
		r.mu.Lock()
		if err != nil {
			r.mu.Unlock()
			return
		}
		if page.Gap != nil {
			in.gaps = append(in.gaps, *page.Gap)
		}
		for _, m := range page.Messages {
			in.got = append(in.got, text(m))
		}
		in.at = page.Last()
		in.stale = in.again || page.More
		done := !in.stale
		r.mu.Unlock()
		if done {
			return
		}
	}
}

// follow follows channels, side by side.
func (r *reader) follow(channels ...pubsub.Channel) {
	r.t.Helper()
	var wg sync.WaitGroup
	for _, c := range channels {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), pubsubtest.Patience)
			defer cancel()
			end, err := r.Follow(ctx, c)
			if err != nil {
				r.t.Errorf("Follow: %v", err)
				return
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.channels[c] = &reading{at: end}
			r.read(r.channels[c])
		})
	}
	wg.Wait()
	until(r.t, "the logs", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return !slices.ContainsFunc(channels, func(c pubsub.Channel) bool { return r.channels[c] != nil && r.channels[c].stale })
	})
}

// got returns what was read of a channel.
func (r *reader) got(c pubsub.Channel) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.channels[c].got)
}

// expect waits until the reader has as many messages of a channel as are wanted, and compares them.
func (r *reader) expect(c pubsub.Channel, want ...string) {
	r.t.Helper()
	until(r.t, "the messages of "+string(c), func() bool { return len(r.got(c)) >= len(want) })
	same(r.t, "the messages of "+string(c), want, r.got(c))
}

// gaps returns the gaps in all channels.
func (r *reader) gaps() (all []pubsub.Gap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, in := range r.channels {
		all = append(all, in.gaps...)
	}
	return all
}

func (r *reader) broken() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.breaks
}

// awaitState waits until the broker's state is one.
func (r *reader) awaitState(want pubsub.State) {
	r.t.Helper()
	until(r.t, "the state", func() bool { return r.Status().State == want })
}
