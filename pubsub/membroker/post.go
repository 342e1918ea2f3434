package membroker

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A Post connects instances in one process, as Redis does across processes. Its zero value
// works.
type Post struct {
	mu        sync.Mutex // guards what follows
	instances map[string]*postBox
	records   map[string]postRecord
}

type postRecord struct {
	text    []byte
	expires time.Time
}

// Instance returns the exchange of one instance.
func (p *Post) Instance(name string) pubsub.Exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.instances == nil {
		p.instances, p.records = make(map[string]*postBox), make(map[string]postRecord)
	}
	box := &postBox{post: p, name: name}
	p.instances[name] = box
	return box
}

// A postBox is an instance's exchange.
type postBox struct {
	post *Post
	name string

	mu      sync.Mutex // held while receive is called
	receive func([]byte)
}

func (b *postBox) Instance() string { return b.name }

func (b *postBox) Receive(receive func([]byte)) {
	b.mu.Lock()
	b.receive = receive
	b.mu.Unlock()
}

func (b *postBox) Send(ctx context.Context, instance string, datagram []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.post.mu.Lock()
	to := b.post.instances[instance]
	b.post.mu.Unlock()
	if to == nil {
		return nil
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	if to.receive != nil {
		to.receive(datagram)
	}
	return nil
}

func (b *postBox) Put(ctx context.Context, key string, record []byte, ttl time.Duration) error {
	b.post.mu.Lock()
	defer b.post.mu.Unlock()
	now := time.Now()
	for k, r := range b.post.records {
		if now.After(r.expires) {
			delete(b.post.records, k)
		}
	}
	b.post.records[key] = postRecord{slices.Clone(record), now.Add(ttl)}
	return ctx.Err()
}

func (b *postBox) Get(ctx context.Context, key string) ([]byte, error) {
	b.post.mu.Lock()
	defer b.post.mu.Unlock()
	r, ok := b.post.records[key]
	if !ok || time.Now().After(r.expires) {
		return nil, ctx.Err()
	}
	return slices.Clone(r.text), nil
}
