package behaviour

import (
	"context"
	"sync"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
)

// A fickleBroker is the embedded broker behind a line that can be cut, as that to another
// process can. inner is what everybody else still reaches.
type fickleBroker struct {
	pubsub.Broker
	inner *membroker.Broker

	mu       sync.Mutex // guards what follows
	receiver pubsub.Receiver
	followed map[pubsub.Channel]bool
	away     outage
}

// An outage is how a broker that is away takes publishes.
type outage int

const (
	reachable   outage = iota
	refusing           // nothing is stored
	unanswering        // they are stored, and nobody is told
)

func newFickleBroker(o membroker.Options) *fickleBroker {
	inner := membroker.New(o)
	return &fickleBroker{Broker: inner, inner: inner, followed: make(map[pubsub.Channel]bool)}
}

// leave cuts the line.
func (b *fickleBroker) leave(how outage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = how
}

// comeBack mends the line. What was announced meanwhile is lost, and so every channel is
// told that something may be.
func (b *fickleBroker) comeBack() {
	b.mu.Lock()
	b.away = reachable
	var broken []pubsub.Channel
	for c := range b.followed {
		broken = append(broken, c)
	}
	b.mu.Unlock()
	for _, c := range broken {
		b.receiver.Break(c)
	}
}

func (b *fickleBroker) outage() outage {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.away
}

func (b *fickleBroker) Start(ctx context.Context, r pubsub.Receiver) error {
	b.receiver = r
	return b.inner.Start(ctx, announcements{r, b})
}

// announcements pass while the broker is reachable.
type announcements struct {
	pubsub.Receiver
	broker *fickleBroker
}

func (a announcements) Message(m *pubsub.Message) {
	if a.broker.outage() == reachable {
		a.Receiver.Message(m)
	}
}

func (b *fickleBroker) Publish(ctx context.Context, p pubsub.Publication) (pubsub.Receipt, error) {
	switch b.outage() {
	case refusing:
		return pubsub.Receipt{}, pubsub.ErrUnavailable
	case unanswering:
		_, _ = b.inner.Publish(ctx, p)
		return pubsub.Receipt{}, pubsub.ErrOutcomeUnknown
	}
	return b.inner.Publish(ctx, p)
}

func (b *fickleBroker) PublishBatch(ctx context.Context, ps []pubsub.Publication) []pubsub.Outcome {
	outcomes := make([]pubsub.Outcome, len(ps))
	failed := make(map[pubsub.Channel]bool)
	for i, p := range ps {
		if failed[p.Channel] {
			outcomes[i].Err = pubsub.ErrNotTried
			continue
		}
		outcomes[i].Receipt, outcomes[i].Err = b.Publish(ctx, p)
		failed[p.Channel] = outcomes[i].Err != nil
	}
	return outcomes
}

func (b *fickleBroker) Read(ctx context.Context, c pubsub.Channel, since pubsub.Position, l pubsub.Limit) (pubsub.Page, error) {
	if b.outage() != reachable {
		return pubsub.Page{}, pubsub.ErrUnavailable
	}
	return b.inner.Read(ctx, c, since, l)
}

func (b *fickleBroker) ReadBack(ctx context.Context, c pubsub.Channel, before pubsub.Position, l pubsub.Limit) (pubsub.Page, error) {
	if b.outage() != reachable {
		return pubsub.Page{}, pubsub.ErrUnavailable
	}
	return b.inner.ReadBack(ctx, c, before, l)
}

func (b *fickleBroker) Follow(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away != reachable {
		return pubsub.Position{}, pubsub.ErrUnavailable
	}
	b.followed[c] = true
	return b.inner.Follow(ctx, c)
}

func (b *fickleBroker) Unfollow(c pubsub.Channel) {
	b.mu.Lock()
	delete(b.followed, c)
	b.mu.Unlock()
	b.inner.Unfollow(c)
}

func (b *fickleBroker) Line(c pubsub.Channel) uint64 { return b.inner.Line(c) }

func (b *fickleBroker) Purge(ctx context.Context, c pubsub.Channel) (pubsub.Position, error) {
	if b.outage() != reachable {
		return pubsub.Position{}, pubsub.ErrUnavailable
	}
	return b.inner.Purge(ctx, c)
}

func (b *fickleBroker) Info(ctx context.Context, c pubsub.Channel) (pubsub.Info, error) {
	if b.outage() != reachable {
		return pubsub.Info{}, pubsub.ErrUnavailable
	}
	return b.inner.Info(ctx, c)
}

func (b *fickleBroker) Channels(ctx context.Context, prefix string, after pubsub.Channel, limit int) ([]pubsub.Info, error) {
	if b.outage() != reachable {
		return nil, pubsub.ErrUnavailable
	}
	return b.inner.Channels(ctx, prefix, after, limit)
}

func (b *fickleBroker) Status() pubsub.Status {
	if b.outage() != reachable {
		return pubsub.Status{State: pubsub.Down}
	}
	return b.inner.Status()
}
