package redisbroker

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Channels implements [pubsub.Broker]. Redis keeps no list of its keys in order, so every
// page is one pass over all keys of the database (SCAN, 1,000 a call) and over what all
// instances report; a second or two for a million keys. It ends with the context, keeps
// limit names in memory, and makes no channel live longer. What comes and goes meanwhile may
// be in the list or not. Subscribers are counted as for [Broker.Info].
func (b *Broker) Channels(ctx context.Context, prefix string, after pubsub.Channel, limit int) ([]pubsub.Info, error) {
	if err := b.refuse(ctx); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, nil
	}
	l := &listing{b: b, prefix: prefix, after: after, limit: limit}
	page, err := l.gather(ctx)
	return page, b.failure(err)
}

// A listing gathers the first channels behind a name that are active. A name that was let in
// is driven out only by smaller ones and never comes back, so what was counted for those that
// stay is whole.
type listing struct {
	b      *Broker
	prefix string
	after  pubsub.Channel
	limit  int

	mu   sync.Mutex // the masters of a Cluster are gone through side by side
	rows []row      // in the order of names, at most limit
}

type row struct {
	pubsub.Info
	counted string // the instance that was counted last
}

func (l *listing) gather(ctx context.Context) ([]pubsub.Info, error) {
	l.countOwn()
	others, err := l.b.instances.others(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range others {
		if err := l.countOther(ctx, id); err != nil {
			return nil, err
		}
	}
	if err := l.b.masters(ctx, l.findLogs); err != nil {
		return nil, err
	}
	if err := l.place(ctx); err != nil {
		return nil, err
	}
	page := make([]pubsub.Info, len(l.rows))
	for i := range l.rows {
		page[i] = l.rows[i].Info
	}
	return page, nil
}

// wants reports whether c would be in the list, were it active. Caller holds mu.
func (l *listing) wants(c pubsub.Channel) bool {
	return c > l.after && strings.HasPrefix(string(c), l.prefix) &&
		(len(l.rows) < l.limit || c <= l.rows[len(l.rows)-1].Channel)
}

// find returns the row of c, or where it belongs. Caller holds mu.
func (l *listing) find(c pubsub.Channel) (int, bool) {
	return slices.BinarySearchFunc(l.rows, c, func(r row, c pubsub.Channel) int {
		return strings.Compare(string(r.Channel), string(c))
	})
}

// row returns the row of an active channel, nil if it is not wanted. Caller holds mu.
func (l *listing) row(c pubsub.Channel) *row {
	if !l.wants(c) {
		return nil
	}
	at, ok := l.find(c)
	if !ok {
		if len(l.rows) == l.limit {
			l.rows = l.rows[:l.limit-1]
		}
		l.rows = slices.Insert(l.rows, at, row{Info: pubsub.Info{Channel: c}})
	}
	return &l.rows[at]
}

// count adds what an instance reports of a channel. SCAN and its kin may tell it twice.
func (l *listing) count(id string, c pubsub.Channel, subscribers int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.row(c); r != nil && r.counted != id {
		r.Subscribers += subscribers
		r.counted = id
	}
}

func (l *listing) countOwn() {
	for _, c := range l.b.lines.channels() {
		if n := l.b.receiver.Subscribers(c); n > 0 {
			l.count(l.b.id, c, n)
		}
	}
}

func (l *listing) countOther(ctx context.Context, id string) error {
	for cursor := uint64(0); ; {
		fields, next, err := l.b.client.HScan(ctx, l.b.keys.instance(id), cursor, literal(l.prefix)+"*", scanned).Result()
		if err != nil {
			return err
		}
		for pair := range slices.Chunk(fields, 2) {
			c, notChannel := pubsub.ParseChannel(pair[0]) // the serial is none
			n, _ := strconv.Atoi(pair[1])
			if notChannel == nil && n > 0 {
				l.count(id, c, n)
			}
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}

// findLogs finds the channels that keep a message on one node.
func (l *listing) findLogs(ctx context.Context, node *redis.Client) error {
	return scan(ctx, node, l.b.keys.logs(l.prefix), func(keys []string) error {
		infos, err := l.b.peek(ctx, l.unknown(keys))
		if err != nil {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, info := range infos {
			l.learn(info)
		}
		return nil
	})
}

// unknown returns the channels whose logs have to be looked at.
func (l *listing) unknown(keys []string) (channels []pubsub.Channel) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		c, ok := l.b.keys.channelOfLog(key)
		if !ok || !l.wants(c) {
			continue
		}
		if at, ok := l.find(c); ok && !l.rows[at].Pos.IsZero() {
			continue
		}
		channels = append(channels, c)
	}
	return channels
}

// learn takes in what the log of a channel tells, if it is active. Caller holds mu.
func (l *listing) learn(info pubsub.Info) {
	if _, ok := l.find(info.Channel); !ok && info.Retained == 0 {
		return
	}
	if r := l.row(info.Channel); r != nil {
		r.Pos, r.Retained = info.Pos, info.Retained
	}
}

// place completes the channels that have subscribers and keep no message. One without a
// record is followed all the same, so that it gets one is no more than its due.
func (l *listing) place(ctx context.Context) error {
	channels := l.placeless()
	infos, err := l.b.peek(ctx, channels)
	if err != nil {
		return err
	}
	for _, info := range infos {
		l.learn(info)
	}
	channels = l.placeless()
	ends, err := l.b.ends(ctx, channels)
	if err != nil {
		return err
	}
	for i, end := range ends {
		l.learn(pubsub.Info{Channel: channels[i], Pos: end})
	}
	return nil
}

func (l *listing) placeless() (channels []pubsub.Channel) {
	for i := range l.rows {
		if l.rows[i].Pos.IsZero() {
			channels = append(channels, l.rows[i].Channel)
		}
	}
	return channels
}

// logs returns the pattern of the logs of channels that begin with prefix.
func (k keyspace) logs(prefix string) string { return k.root + "{" + literal(prefix) + "*}:log" }

// channelOfLog is the inverse of log. A pattern cannot tell the answer to an idempotency key
// that ends like a log.
func (k keyspace) channelOfLog(key string) (pubsub.Channel, bool) {
	name, ok1 := strings.CutPrefix(key, k.root+"{")
	name, ok2 := strings.CutSuffix(name, "}:log")
	c, err := pubsub.ParseChannel(name)
	return c, ok1 && ok2 && err == nil
}
