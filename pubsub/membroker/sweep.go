package membroker

import "time"

// The sweeper comes by each shard every sweepTicks ticks. Nothing but memory waits for
// it: a call that comes before it drops by itself what is over.
const (
	sweepTick  = time.Second
	sweepTicks = 16
)

// sweep drops what is over by time from logs that nobody uses. Started by Start, it ends
// with stop.
func (b *Broker) sweep() {
	ticker := time.NewTicker(sweepTick)
	defer ticker.Stop()
	var logs []*log
	for i := 0; ; i = (i + shardCount/sweepTicks) % shardCount {
		select {
		case <-b.stop:
			return
		case <-ticker.C:
		}
		for j := range shardCount / sweepTicks {
			logs = b.shards[i+j].all(logs[:0])
			for _, l := range logs {
				b.sweepLog(l)
			}
			clear(logs) // no log outlives its time here
		}
	}
}

func (b *Broker) sweepLog(l *log) {
	r := b.retention(l.channel)
	now := b.now()
	l.mu.Lock()
	l.trim(now, r)
	l.forget(now)
	over := l.expired(now, b.ttl) && l.window == nil
	idle := l.followed && l.kept.len() == 0 && l.list != nil
	l.mu.Unlock()
	switch {
	case over:
		b.expire(l)
	case idle:
		b.place(l, now) // it has nothing left to lose
	}
}

// expire removes l, unless it was used again meanwhile.
func (b *Broker) expire(l *log) {
	l.shard.mu.Lock()
	defer l.shard.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.gone && l.window == nil && l.expired(b.now(), b.ttl) {
		b.memory.release(l.shard.remove(l))
	}
}
