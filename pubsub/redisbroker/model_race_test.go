package redisbroker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// TestRaces publishes one by one and in batches through two instances at once, while the log is
// purged, and holds what was answered, what was announced to each instance, and what is kept at
// the end against each other: in every epoch they are the same list, without a hole.
func TestRaces(t *testing.T) {
	const channel, publishers, messages, purges = pubsub.Channel("a"), 8, 300, 6
	server := redistest.Start(t)
	subjects := []*subject{start(t, server), start(t, server)}
	for _, s := range subjects {
		s.follow(channel)
	}
	var mu sync.Mutex
	epochs := []pubsub.Epoch{subjects[0].end(channel).Epoch}
	answered := map[pubsub.Epoch]map[uint64]*pubsub.Message{}
	firsts := map[string]pubsub.Position{} // what the keys were answered
	note := func(p pubsub.Publication, o pubsub.Outcome) {
		mu.Lock()
		defer mu.Unlock()
		if o.Err != nil {
			t.Errorf("publishing: %v", o.Err)
			return
		}
		m := o.Receipt.Message
		if p.Key != "" {
			if first, ok := firsts[p.Key]; ok && first != m.Pos {
				t.Errorf("key %s was answered by %s and %s", p.Key, first, m.Pos)
			}
			firsts[p.Key] = m.Pos
		}
		if o.Receipt.Duplicate {
			return
		}
		log := answered[m.Pos.Epoch]
		if log == nil {
			log = map[uint64]*pubsub.Message{}
			answered[m.Pos.Epoch] = log
		}
		if other := log[m.Pos.Offset]; other != nil {
			t.Errorf("%s was given to %s and %s", m.Pos, other.ID, m.ID)
		}
		log[m.Pos.Offset] = m
	}
	var wg sync.WaitGroup
	for i := range publishers {
		r := rand.New(rand.NewPCG(1, uint64(i)))
		wg.Go(func() {
			var last pubsub.Position
			for left := messages; left > 0; {
				batch := make([]pubsub.Publication, min(left, 1+r.IntN(2)*r.IntN(40)))
				left -= len(batch)
				for j := range batch {
					batch[j] = pubsubtest.NewPublication(channel, "x")
					if r.IntN(4) == 0 {
						batch[j].Key = fmt.Sprint(r.IntN(100))
					}
				}
				for j, o := range subjects[r.IntN(2)].PublishBatch(context.Background(), batch) {
					note(batch[j], o)
					if o.Err == nil && !o.Receipt.Duplicate {
						if pos := o.Receipt.Message.Pos; pos.Epoch == last.Epoch && pos.Offset <= last.Offset {
							t.Errorf("%s was published behind %s", pos, last)
						}
						last = o.Receipt.Message.Pos
					}
				}
			}
		})
	}
	wg.Go(func() {
		for range purges {
			time.Sleep(20 * time.Millisecond)
			pos, err := subjects[0].Purge(context.Background(), channel)
			if err != nil {
				t.Errorf("purging: %v", err)
			}
			mu.Lock()
			epochs = append(epochs, pos.Epoch)
			mu.Unlock()
		}
	})
	wg.Wait()

	var want []*pubsub.Message
	for i, e := range epochs {
		if i > 0 && e != epochs[i-1].Purged() {
			t.Errorf("%s follows %s", e, epochs[i-1])
		}
		at := pubsub.Position{Epoch: e}
		for n := range len(answered[e]) {
			m := answered[e][uint64(n+1)]
			if m == nil {
				t.Fatalf("%d messages were answered in %s, and none of them has offset %d", len(answered[e]), e, n+1)
			}
			want = append(want, m)
			at = pubsub.Position{Epoch: e, Offset: at.Offset + 1, Digest: naiveDigest(at.Digest, m.ID)}
			same(t, "the position", at, m.Pos)
		}
	}
	last := answered[epochs[purges]]
	same(t, "what is kept", want[len(want)-len(last):], append([]*pubsub.Message{}, subjects[1].log(channel)...))
	for _, s := range subjects {
		same(t, "what was announced", want, s.recorder.WaitMessages(t, channel, len(want)))
		s.recorder.WaitBreaks(t, channel, purges)
	}
}

// TestLongPipelineTwice sends as many publications as a pipeline holds twice, with those of
// another instance in between: each is found again where it stands.
func TestLongPipelineTwice(t *testing.T) {
	server := redistest.Start(t)
	s, other := start(t, server), start(t, server)
	var items []*pending
	for n := range uint64(pipelineItems) {
		p := pubsubtest.NewPublication("a", "x")
		it := s.newPending(&p, time.Now())
		it.epoch, it.number, it.inFront = "abcdefgh", n+1, n
		items = append(items, it)
	}
	pipeline := func() (replies []string) {
		pipe := s.client.Pipeline()
		for _, it := range items {
			pipe.Process(t.Context(), it.command(t.Context()))
		}
		cmds, _ := pipe.Exec(t.Context())
		for _, cmd := range cmds {
			text, err := cmd.(*redis.Cmd).Text()
			if err != nil {
				t.Fatal(err)
			}
			replies = append(replies, text)
		}
		return replies
	}
	first := pipeline()
	for range 100 {
		other.send("a", "y")
	}
	same(t, "the second time", first, pipeline())
	same(t, "the end", uint64(pipelineItems+100), s.end("a").Offset)
}
