package pubsubtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A Faulty broker passes everything on to the broker inside, until its line is cut. Use
// [NewFaulty]. The broker inside stays reachable, as if by other instances.
type Faulty struct {
	pubsub.Broker // inside

	mu sync.Mutex

	// Owned by mu.
	receiver pubsub.Receiver
	followed map[pubsub.Channel]bool
	state    pubsub.State
	since    time.Time
	refuse   int // publishes to refuse
	lose     int // publishes whose answers get lost
	lines    uint64
}

var _ pubsub.Broker = (*Faulty)(nil)

// NewFaulty returns a broker in front of b, which it starts and closes.
func NewFaulty(b pubsub.Broker) *Faulty {
	return &Faulty{Broker: b, followed: make(map[pubsub.Channel]bool), since: time.Now()}
}

// Cut makes every call that needs the logs fail with [pubsub.ErrUnavailable], and all
// announcements get lost, until Mend.
func (f *Faulty) Cut() { f.turn(pubsub.Down) }

// Mute loses all announcements until Mend.
func (f *Faulty) Mute() { f.turn(pubsub.Degraded) }

// Mend ends Cut and Mute. Each followed channel gets a break.
func (f *Faulty) Mend() { f.turn(pubsub.Up) }

func (f *Faulty) turn(s pubsub.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == s {
		return
	}
	f.state, f.since = s, time.Now()
	if s == pubsub.Up {
		f.lines++
		for c := range f.followed {
			f.receiver.Break(c)
		}
	}
}

// Refuse makes the next n publishes fail with [pubsub.ErrUnavailable], nothing stored.
func (f *Faulty) Refuse(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = n
}

// LoseAnswers makes the next n publishes fail with [pubsub.ErrOutcomeUnknown] although
// they are stored and announced.
func (f *Faulty) LoseAnswers(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lose = n
}

// reach returns why the broker inside cannot be reached.
func (f *Faulty) reach() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state == pubsub.Down {
		return pubsub.ErrUnavailable
	}
	return nil
}

// spend takes one off a counter, and reports whether there was one.
func (f *Faulty) spend(counter *int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if *counter == 0 {
		return false
	}
	*counter--
	return true
}

// Start implements [pubsub.Broker].
func (f *Faulty) Start(ctx context.Context, r pubsub.Receiver) error {
	f.mu.Lock()
	f.receiver = r
	f.mu.Unlock()
	return f.Broker.Start(ctx, faultyReceiver{f})
}

// Publish implements [pubsub.Broker].
func (f *Faulty) Publish(ctx context.Context, p pubsub.Publication) (pubsub.Receipt, error) {
	if err := f.reach(); err != nil {
		return pubsub.Receipt{}, err
	}
	if f.spend(&f.refuse) {
		return pubsub.Receipt{}, pubsub.ErrUnavailable
	}
	receipt, err := f.Broker.Publish(ctx, p)
	if f.spend(&f.lose) {
		return pubsub.Receipt{}, pubsub.ErrOutcomeUnknown
	}
	return receipt, err
}

// PublishBatch implements [pubsub.Broker].
func (f *Faulty) PublishBatch(ctx context.Context, ps []pubsub.Publication) []pubsub.Outcome {
	outcomes := make([]pubsub.Outcome, len(ps))
	failed := make(map[pubsub.Channel]bool)
	for i, p := range ps {
		o := &outcomes[i]
		if failed[p.Channel] {
			o.Err = pubsub.ErrNotTried
			continue
		}
		o.Receipt, o.Err = f.Publish(ctx, p)
		failed[p.Channel] = errors.Is(o.Err, pubsub.ErrUnavailable) || errors.Is(o.Err, pubsub.ErrOutcomeUnknown)
	}
	return outcomes
}

// Read implements [pubsub.Broker].
func (f *Faulty) Read(ctx context.Context, c pubsub.Channel, since pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	if err := f.reach(); err != nil {
		return pubsub.Page{}, err
	}
	return f.Broker.Read(ctx, c, since, limit)
}

// ReadBack implements [pubsub.Broker].
func (f *Faulty) ReadBack(ctx context.Context, c pubsub.Channel, before pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	if err := f.reach(); err != nil {
		return pubsub.Page{}, err
	}
	return f.Broker.ReadBack(ctx, c, before, limit)
}

// Follow implements [pubsub.Broker].
func (f *Faulty) Follow(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	if err := f.reach(); err != nil {
		return pubsub.Position{}, err
	}
	end, err := f.Broker.Follow(ctx, c)
	if err == nil {
		f.mu.Lock()
		f.followed[c] = true
		f.mu.Unlock()
	}
	return end, err
}

// Unfollow implements [pubsub.Broker].
func (f *Faulty) Unfollow(c pubsub.Channel) {
	f.mu.Lock()
	delete(f.followed, c)
	f.mu.Unlock()
	f.Broker.Unfollow(c)
}

// Line implements [pubsub.Broker].
func (f *Faulty) Line(c pubsub.Channel) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != pubsub.Up {
		return 0
	}
	return f.lines + f.Broker.Line(c)
}

// Purge implements [pubsub.Broker].
func (f *Faulty) Purge(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	if err := f.reach(); err != nil {
		return pubsub.Position{}, err
	}
	return f.Broker.Purge(ctx, c)
}

// Info implements [pubsub.Broker].
func (f *Faulty) Info(ctx context.Context, c pubsub.Channel) (pubsub.Info, error) {
	if err := f.reach(); err != nil {
		return pubsub.Info{}, err
	}
	return f.Broker.Info(ctx, c)
}

// Channels implements [pubsub.Broker].
func (f *Faulty) Channels(ctx context.Context, prefix string, after pubsub.Channel, limit int) ([]pubsub.Info, error) {
	if err := f.reach(); err != nil {
		return nil, err
	}
	return f.Broker.Channels(ctx, prefix, after, limit)
}

// Status implements [pubsub.Broker].
func (f *Faulty) Status() pubsub.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != pubsub.Up {
		return pubsub.Status{State: f.state, Since: f.since}
	}
	return f.Broker.Status()
}

// faultyReceiver stands between the broker inside and the receiver. It announces under
// the lock, so that breaks and messages of a channel come one after the other.
type faultyReceiver struct{ f *Faulty }

func (r faultyReceiver) Message(m *pubsub.Message) {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	if r.f.state == pubsub.Up {
		r.f.receiver.Message(m)
	}
}

func (r faultyReceiver) Break(c pubsub.Channel) {
	r.f.mu.Lock()
	defer r.f.mu.Unlock()
	if r.f.state == pubsub.Up {
		r.f.receiver.Break(c)
	}
}

func (r faultyReceiver) Subscribers(c pubsub.Channel) int {
	r.f.mu.Lock()
	receiver := r.f.receiver
	r.f.mu.Unlock()
	return receiver.Subscribers(c)
}
