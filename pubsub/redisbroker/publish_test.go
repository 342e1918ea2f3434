package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// TestPipelineTwice does what go-redis may do by itself: it sends one pipeline twice.
func TestPipelineTwice(t *testing.T) {
	for _, retention := range []pubsub.Retention{pubsub.DefaultRetention, {}} {
		t.Run(fmt.Sprint(retention.Count), func(t *testing.T) {
			s := start(t, redistest.Start(t), func(o *Options) {
				o.Retention = func(pubsub.Channel) pubsub.Retention { return retention }
			})
			var cmds []*redis.Cmd
			pipeline := func(numbers ...uint64) (replies []string) {
				pipe := s.client.Pipeline()
				cmds = cmds[:0]
				for _, n := range numbers {
					p := pubsubtest.NewPublication("a", strconv.Itoa(int(n)))
					p.ID = uuid.UUID{15: byte(n)}
					it := s.newPending(&p, time.Now())
					it.epoch, it.number = "abcdefgh", n
					cmd := it.command(t.Context())
					pipe.Process(t.Context(), cmd)
					cmds = append(cmds, cmd)
				}
				pipe.Exec(t.Context())
				for _, cmd := range cmds {
					text, err := cmd.Text()
					if err != nil {
						t.Fatal(err)
					}
					replies = append(replies, text)
				}
				return replies
			}
			first := pipeline(1, 2, 3)
			again := pipeline(1, 2, 3)
			if retention.Off() {
				// Nothing remembers where the earlier ones stand, but that they were published.
				same(t, "the second time", []string{"sent", "sent", first[2]}, again)
			} else {
				same(t, "the second time", first, again)
				same(t, "what is kept", 3, len(s.log("a")))
			}
			same(t, "the end", uint64(3), s.end("a").Offset)
			pipeline(4, 2, 4)
			same(t, "the end behind a late one", uint64(4), s.end("a").Offset)
		})
	}
}

func (s *subject) end(c pubsub.Channel) pubsub.Position {
	s.t.Helper()
	ends, err := s.ends(context.Background(), []pubsub.Channel{c})
	if err != nil {
		s.t.Fatal(err)
	}
	return ends[0]
}

// TestOrderInAPipeline holds that a publication waits for the one in front of it: replies such
// as TRYAGAIN hit one command and spare the next.
func TestOrderInAPipeline(t *testing.T) {
	s := start(t, redistest.Start(t))
	p := pubsubtest.NewPublication("a", "second")
	it := s.newPending(&p, time.Now())
	it.epoch, it.number, it.inFront = "abcdefgh", 2, 1
	cmd := it.command(t.Context())
	s.client.Process(t.Context(), cmd)
	text, err := cmd.Text()
	if err != nil || text != "wait" {
		t.Errorf("%q, %v", text, err)
	}
	same(t, "what is kept", 0, len(s.log("a")))
}

// A traffic publishes without keys from several goroutines and notes what it was told.
type traffic struct {
	mu      sync.Mutex
	stored  map[uuid.UUID]pubsub.Position
	unknown map[uuid.UUID]bool
	refused map[uuid.UUID]bool
}

func (tr *traffic) run(ctx context.Context, t testing.TB, b *Broker, channels int) (wait func()) {
	tr.stored, tr.unknown, tr.refused = map[uuid.UUID]pubsub.Position{}, map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				p := pubsubtest.NewPublication(pubsub.Channel("c"+strconv.Itoa((i+n)%channels)), strconv.Itoa(n))
				receipt, err := b.Publish(context.WithoutCancel(ctx), p)
				tr.mu.Lock()
				switch {
				case err == nil:
					tr.stored[p.ID] = receipt.Message.Pos
				case errors.Is(err, pubsub.ErrOutcomeUnknown):
					tr.unknown[p.ID] = true
				case errors.Is(err, pubsub.ErrUnavailable):
					tr.refused[p.ID] = true
				default:
					t.Errorf("Publish: %v", err)
				}
				tr.mu.Unlock()
				time.Sleep(time.Millisecond)
			}
		})
	}
	return wg.Wait
}

func (tr *traffic) count() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.stored)
}

// check holds what was answered against the logs.
func (tr *traffic) check(s *subject, channels int) {
	s.t.Helper()
	kept := map[uuid.UUID]int{}
	for i := range channels {
		for _, m := range s.log(pubsub.Channel("c" + strconv.Itoa(i))) {
			kept[m.ID]++
			if pos, ok := tr.stored[m.ID]; ok && pos != m.Pos {
				s.t.Errorf("%s was answered to stand at %s, and stands at %s", m.ID, pos, m.Pos)
			}
		}
	}
	for id, n := range kept {
		if n > 1 {
			s.t.Errorf("%s is %d times in the log", id, n)
		}
		if tr.refused[id] {
			s.t.Errorf("%s was answered not to be stored, and is", id)
		}
	}
	for id := range tr.stored {
		if kept[id] == 0 {
			s.t.Errorf("%s was acknowledged and is not in the log", id)
		}
	}
}

// TestPublishWhileRedisStops freezes Redis for longer than go-redis and the lanes wait for a
// reply, so that pipelines are sent twice; none of the publications has a key.
func TestPublishWhileRedisStops(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server)
	var tr traffic
	ctx, cancel := context.WithCancel(t.Context())
	wait := tr.run(ctx, t, s.Broker, 5)
	for range 2 {
		n := tr.count()
		until(t, "traffic", func() bool { return tr.count() > n+200 })
		server.Freeze()
		time.Sleep(3 * time.Second)
		server.Thaw()
	}
	n := tr.count()
	until(t, "traffic afterwards", func() bool { return tr.count() > n+200 })
	cancel()
	wait()
	tr.check(s, 5)
}

func TestPublishWhileRedisRestarts(t *testing.T) {
	server := redistest.StartAOF(t)
	s := start(t, server)
	var tr traffic
	ctx, cancel := context.WithCancel(t.Context())
	wait := tr.run(ctx, t, s.Broker, 5)
	for range 2 {
		n := tr.count()
		until(t, "traffic", func() bool { return tr.count() > n+200 })
		server.Kill()
		server.Restart()
	}
	n := tr.count()
	until(t, "traffic afterwards", func() bool { return tr.count() > n+200 })
	cancel()
	wait()
	tr.check(s, 5)
}

// TestPublishWithoutScripts makes Redis forget the scripts under traffic.
func TestPublishWithoutScripts(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server)
	var tr traffic
	ctx, cancel := context.WithCancel(t.Context())
	wait := tr.run(ctx, t, s.Broker, 2)
	for range 20 {
		n := tr.count()
		until(t, "traffic", func() bool { return tr.count() > n+20 })
		server.Do("SCRIPT", "FLUSH")
	}
	cancel()
	wait()
	tr.check(s, 2)
	same(t, "unknown outcomes", 0, len(tr.unknown))
	same(t, "refusals", 0, len(tr.refused))
}

// TestPublishWhileSlotsMove moves a slot to and fro while publications of its channels are on
// their way: some commands of a pipeline are redirected and others not.
func TestPublishWhileSlotsMove(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 0)
	s := start(t, nil, onCluster(cluster))
	var tr traffic
	ctx, cancel := context.WithCancel(t.Context())
	wait := tr.run(ctx, t, s.Broker, 3)
	for i := range 6 {
		n := tr.count()
		until(t, "traffic", func() bool { return tr.count() > n+100 })
		moving := slot(s.keys.record("c1"))
		to := cluster.Nodes[i%3]
		if to == cluster.MasterOf(moving) {
			to = cluster.Nodes[(i+1)%3]
		}
		move := cluster.BeginMove(moving, to)
		for move.Keys(1) > 0 { // one key at a time: a channel's record moves before its log, or after
			time.Sleep(20 * time.Millisecond)
		}
		move.End()
	}
	n := tr.count()
	until(t, "traffic afterwards", func() bool { return tr.count() > n+200 })
	cancel()
	wait()
	tr.check(s, 3)
	same(t, "unknown outcomes", 0, len(tr.unknown))
}

func TestBatchWhileRedisIsAway(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server)
	server.Kill()
	var batch []pubsub.Publication
	for i := range 4 {
		batch = append(batch, pubsubtest.NewPublication(pubsub.Channel("c"+strconv.Itoa(i%2)), "x"))
	}
	outcomes := s.PublishBatch(t.Context(), batch)
	for i, want := range []error{pubsub.ErrUnavailable, pubsub.ErrUnavailable, pubsub.ErrNotTried, pubsub.ErrNotTried} {
		if !errors.Is(outcomes[i].Err, want) {
			t.Errorf("%d: %v, want %v", i, outcomes[i].Err, want)
		}
	}
	server.Restart()
}

// TestManyWait holds that what waits is bounded, and refused at once beyond the bound.
func TestManyWait(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server)
	server.Freeze()
	var wg sync.WaitGroup
	wg.Go(func() {
		big := pubsub.Publication{Channel: "big", Data: pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, 256<<10)}}
		var batch []pubsub.Publication
		for range maxWaitingBytes/(256<<10) + 10 {
			big.ID = uuid.New()
			batch = append(batch, big)
		}
		refused := 0
		for _, o := range s.PublishBatch(t.Context(), batch) {
			if errors.Is(o.Err, pubsub.ErrUnavailable) || errors.Is(o.Err, pubsub.ErrNotTried) {
				refused++
			}
		}
		if refused < 10 {
			t.Errorf("%d publications were refused", refused)
		}
	})
	until(t, "the bound", func() bool { return s.lanes.bytes.Load() > maxWaitingBytes-(1<<20) })
	if _, err := s.Publish(t.Context(), pubsub.Publication{
		Channel: "a", ID: uuid.New(), Data: pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, 2<<20)},
	}); !errors.Is(err, pubsub.ErrUnavailable) {
		t.Errorf("Publish: %v, want %v", err, pubsub.ErrUnavailable)
	}
	server.Thaw()
	wg.Wait()
	same(t, "publications that wait", 0, s.lanes.waiting.Load())
	same(t, "their bytes", 0, s.lanes.bytes.Load())
}

func TestReplicated(t *testing.T) {
	master := redistest.Start(t)
	replica := master.Replica(t)
	s := start(t, master)
	p := pubsubtest.NewPublication("a", "x")
	p.Key, p.Replicated = "k", true
	s.publish(p)

	replica.Freeze()
	p = pubsubtest.NewPublication("a", "y")
	p.Key, p.Replicated = "l", true
	for _, duplicate := range []bool{false, true} {
		receipt, err := s.Publish(t.Context(), p)
		if !errors.Is(err, pubsub.ErrNotReplicated) || receipt.Duplicate != duplicate || receipt.Message == nil {
			t.Errorf("Publish: %+v, %v", receipt, err)
		}
	}
	same(t, "what is kept", 2, len(s.log("a")))
	replica.Thaw()
	until(t, "the replica", func() bool {
		receipt, err := s.Publish(t.Context(), p)
		return err == nil && receipt.Duplicate
	})
}
