package bridge

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A far broker is what the model puts between the bridge and the embedded broker, so that it
// is like one on a network: its answers take a while on the way there and back, and it loses
// announcements, which it tells by a break or lets be seen by the hole.
type far struct {
	pubsub.Broker
	w *world

	mu       sync.Mutex // guards what follows
	r        *rand.Rand
	receiver pubsub.Receiver
	losing   map[pubsub.Channel]int  // so many more announcements get lost
	silent   map[pubsub.Channel]bool // what got lost was not told yet
}

func newFar(b pubsub.Broker, w *world, seed uint64) *far {
	return &far{
		Broker: b, w: w, r: rand.New(rand.NewPCG(seed, 7)),
		losing: make(map[pubsub.Channel]int), silent: make(map[pubsub.Channel]bool),
	}
}

func (f *far) chance(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.r.IntN(n) == 0
}

// travel lets an answer be on its way for a while.
func (f *far) travel() {
	f.mu.Lock()
	d := time.Duration(f.r.IntN(3)*f.r.IntN(40)) * time.Millisecond
	f.mu.Unlock()
	time.Sleep(d)
}

func (f *far) Start(ctx context.Context, r pubsub.Receiver) error {
	f.receiver = r
	return f.Broker.Start(ctx, (*lossy)(f))
}

func (f *far) Follow(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	f.travel()
	defer f.travel()
	return f.Broker.Follow(ctx, c)
}

func (f *far) Read(ctx context.Context, c pubsub.Channel, since pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	f.w.count("reads")
	if f.chance(50) && !f.w.done.Load() {
		f.travel()
		f.w.count("failures")
		return pubsub.Page{}, pubsub.ErrUnavailable
	}
	f.travel()
	defer f.travel()
	return f.Broker.Read(ctx, c, since, limit)
}

func (f *far) ReadBack(ctx context.Context, c pubsub.Channel, before pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	f.travel()
	defer f.travel()
	return f.Broker.ReadBack(ctx, c, before, limit)
}

// deaf reports whether announcements were lost that the bridge cannot know of yet.
func (f *far) deaf(c pubsub.Channel) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.silent[c]
}

// mend tells of all that got lost.
func (f *far) mend() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.silent {
		f.receiver.Break(c)
	}
	clear(f.losing)
	clear(f.silent)
}

// lossy stands between the broker and the bridge.
type lossy far

func (l *lossy) Message(m *pubsub.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := m.Channel
	if l.losing[c] == 0 && l.r.IntN(60) == 0 {
		l.losing[c] = 1 + l.r.IntN(8)
	}
	if l.losing[c] > 0 {
		l.losing[c]--
		l.silent[c] = true
		l.w.count("lost announcements")
		if l.losing[c] == 0 && l.r.IntN(2) == 0 {
			l.silent[c] = false
			l.receiver.Break(c)
		}
		return
	}
	l.silent[c] = false
	l.receiver.Message(m)
}

func (l *lossy) Break(c pubsub.Channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.losing[c], l.silent[c] = 0, false
	l.receiver.Break(c)
}

func (l *lossy) Subscribers(c pubsub.Channel) int { return l.receiver.Subscribers(c) }
