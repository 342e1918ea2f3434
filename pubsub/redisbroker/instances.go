package redisbroker

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

//go:embed scripts/heartbeat.lua
var heartbeatSource string

var heartbeatScript = redis.NewScript(heartbeatSource)

const (
	maxInstances = 1000 // that are counted: those that were heard of last
	fieldsAtOnce = 500  // channels in one write
	farewell     = time.Second

	// serialField counts the writes to an instance's hash. It tells whether Redis still has
	// the last of them. No channel begins with a colon.
	serialField = ":serial"
)

// instances tells the other instances who subscribes here, and knows of them. Each instance
// writes a hash of its own, channel by channel, and only what changed. The hash lives for a
// while after the last heartbeat, so that one whose instance was killed goes by itself.
type instances struct {
	b   *Broker
	key string // of this instance's hash

	flushEvery time.Duration // how late the others may learn of a change
	beatEvery  time.Duration
	ttl        time.Duration // after the last heartbeat

	stop context.CancelFunc // nil: not started
	done sync.WaitGroup

	// Owned by start, then by run.
	written map[pubsub.Channel]int // what the hash holds
	serial  int64
	lost    bool // the hash may hold anything
	failing bool
}

func newInstances(b *Broker) *instances {
	return &instances{
		b: b, key: b.keys.instance(b.id),
		flushEvery: time.Second, beatEvery: 10 * time.Second, ttl: 30 * time.Second,
		written: make(map[pubsub.Channel]int),
	}
}

// start makes this instance known. It may be called again, since a later step of the start may
// have failed.
func (i *instances) start(ctx context.Context) error {
	if i.stop != nil {
		return nil
	}
	err := i.beat(ctx)
	if err == nil {
		err = i.flush(ctx)
	}
	if err != nil {
		return err
	}
	ctx, i.stop = context.WithCancel(i.b.ctx)
	i.done.Go(func() { i.run(ctx) })
	return nil
}

// close forgets this instance: what is shut down in order vanishes at once. Should Redis be
// away, it forgets by itself.
func (i *instances) close() {
	if i.stop == nil {
		return
	}
	i.stop()
	i.done.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(i.b.ctx), farewell)
	defer cancel()
	pipe := i.b.client.Pipeline()
	pipe.Del(ctx, i.key)
	pipe.ZRem(ctx, i.b.keys.instances(), i.b.id)
	_, _ = pipe.Exec(ctx)
}

func (i *instances) run(ctx context.Context) {
	tick := time.NewTicker(i.flushEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var err error
		if time.Since(last) >= i.beatEvery || i.failing {
			if err = i.beat(ctx); err == nil {
				last = time.Now()
			}
		}
		if err == nil {
			err = i.flush(ctx)
		}
		if ctx.Err() == nil {
			i.report(err)
		}
	}
}

// report logs when trouble begins and ends.
func (i *instances) report(err error) {
	switch failing := err != nil; {
	case failing && !i.failing:
		i.b.log.Warn("subscribers cannot be counted over all instances", "error", err)
	case !failing && i.failing:
		i.b.log.Info("subscribers are counted over all instances again")
	}
	i.failing = err != nil
}

// beat says that this instance lives, and finds out whether Redis lost what it was told: it
// may have come back empty, or as a replica that lacked the last writes.
func (i *instances) beat(ctx context.Context) error {
	pipe := i.b.client.Pipeline()
	serial := pipe.HGet(ctx, i.key, serialField)
	alive := pipe.PExpire(ctx, i.key, i.ttl)
	format := pipe.SetNX(ctx, i.b.keys.format, formatVersion, 0)
	_, _ = pipe.Exec(ctx)
	n, err := serial.Int64()
	if errors.Is(err, redis.Nil) {
		n, err = -1, nil
	}
	if err := cmp.Or(err, alive.Err(), format.Err()); err != nil {
		return err
	}
	if n != i.serial || !alive.Val() {
		i.lost = true
	}
	return heartbeatScript.Run(ctx, i.b.client, []string{i.b.keys.instances()}, i.b.id, i.ttl.Milliseconds()).Err()
}

// A count is what changed of one channel.
type count struct {
	channel     pubsub.Channel
	subscribers int
}

// flush writes what changed since the last time; everything, if that was lost.
func (i *instances) flush(ctx context.Context) error {
	if i.lost {
		clear(i.written)
	}
	var changed []count
	for _, c := range i.b.lines.channels() {
		if n := i.b.receiver.Subscribers(c); n > 0 && n != i.written[c] {
			changed = append(changed, count{c, n})
		}
	}
	for c := range i.written {
		if i.b.receiver.Subscribers(c) <= 0 {
			changed = append(changed, count{c, 0})
		}
	}
	if i.lost && len(changed) == 0 {
		return i.write(ctx, nil)
	}
	for chunk := range slices.Chunk(changed, fieldsAtOnce) {
		if err := i.write(ctx, chunk); err != nil {
			return err
		}
	}
	return nil
}

// write changes the hash in one step, so that it never stays behind without a time to live.
// Should it fail, Redis may have done it, or do it later: the serial tells the next heartbeat.
func (i *instances) write(ctx context.Context, changed []count) error {
	i.serial++
	set, gone := []any{serialField, i.serial}, []string(nil)
	for _, c := range changed {
		if c.subscribers > 0 {
			set = append(set, string(c.channel), c.subscribers)
		} else {
			gone = append(gone, string(c.channel))
		}
	}
	pipe := i.b.client.TxPipeline()
	if i.lost {
		pipe.Del(ctx, i.key)
	}
	pipe.HSet(ctx, i.key, set...)
	if len(gone) > 0 {
		pipe.HDel(ctx, i.key, gone...)
	}
	pipe.PExpire(ctx, i.key, i.ttl)
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	i.lost = false
	for _, c := range changed {
		if c.subscribers > 0 {
			i.written[c.channel] = c.subscribers
		} else {
			delete(i.written, c.channel)
		}
	}
	return nil
}

// others returns the ids of the other instances: all that live, and perhaps some that were
// killed, whose hashes are gone or go within the time to live.
func (i *instances) others(ctx context.Context) ([]string, error) {
	ids, err := i.b.client.ZRangeArgs(ctx, redis.ZRangeArgs{
		Key: i.b.keys.instances(), Start: 0, Stop: maxInstances - 1, Rev: true,
	}).Result()
	return slices.DeleteFunc(ids, func(id string) bool { return id == i.b.id }), err
}
