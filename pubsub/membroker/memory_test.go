package membroker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// audit holds what the broker counts against what its logs hold. Nothing else is going on.
func audit(t testing.TB, b *Broker) {
	t.Helper()
	var used, pinned int64
	for i := range b.shards {
		s := &b.shards[i]
		listed := make(map[*log]*idlers)
		for _, q := range []*idlers{&s.idle, &s.followed} {
			var turn uint64
			for l := q.head; l != nil; l = l.next {
				if l.turn <= turn {
					t.Errorf("%s: turn %d comes behind %d", l.channel, l.turn, turn)
				}
				turn, listed[l] = l.turn, q
			}
			if q.head == nil != (q.first.Load() == 0) || q.head != nil && q.first.Load() != q.head.turn {
				t.Errorf("shard %d says that its first turn is %d", i, q.first.Load())
			}
		}
		for _, l := range s.logs {
			used += l.fixed() + l.bytes
			var want *idlers
			switch {
			case !l.followed:
				want = &s.idle
			case l.kept.len() > 0:
				want = &s.followed
			}
			if l.followed {
				pinned += l.fixed()
			}
			if want == nil && l.list == &s.followed {
				want = l.list // it lost its messages, and the sweeper has not come by
			}
			if l.gone || l.list != want || listed[l] != want {
				t.Errorf("%s: gone: %v, followed: %v, keeps %d, and stands in the wrong list", l.channel, l.gone, l.followed, l.kept.len())
			}
			delete(listed, l)
		}
		if len(listed) > 0 {
			t.Errorf("shard %d lists %d logs that it does not have", i, len(listed))
		}
	}
	same(t, "bytes in use", used, b.Used())
	same(t, "bytes pinned", pinned, b.memory.pinned.Load())
	if b.Used() > b.memory.limit {
		t.Errorf("%d bytes are in use, %d are allowed", b.Used(), b.memory.limit)
	}
}

// cost is what a channel named by one letter costs with n messages of these tests.
func cost(n int) int64 {
	m := pubsub.Message{Data: pubsubtest.NewPublication("a", "text").Data}
	return recordCost + 1 + int64(n*m.Size())
}

func TestLongestIdleGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Options{Retention: keep(plenty), Memory: 5 * cost(1)})
		positions := make(map[pubsub.Channel]pubsub.Position)
		for _, c := range []pubsub.Channel{"a", "b", "c", "d", "e"} {
			positions[c] = s.publish(c).Pos
			time.Sleep(2 * placeEvery)
		}
		known := func(want string) {
			t.Helper()
			var got string
			for c := 'a'; c <= 'i'; c++ {
				if s.known(pubsub.Channel(c)) {
					got += string(c)
				}
			}
			same(t, "channels known", want, got)
			audit(t, s.Broker)
		}
		known("abcde")
		s.read("a", positions["a"]) // reading is use
		s.publish("f")
		known("acdef")
		s.publish("g")
		known("adefg")
		time.Sleep(2 * placeEvery)
		s.follow("d") // and so is being followed
		s.publish("h")
		known("adfgh")
		s.publish("i")
		known("dfghi")
		same(t, "the gap of one that went", pubsub.Replaced, s.gap("b", positions["b"]))
		same(t, "the gap of one that is followed", "", s.gap("d", positions["d"]))
	})
}

func TestFollowedLosesMessagesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Options{Retention: keep(plenty), Memory: 2*cost(10) + cost(0)})
		follow := func(c pubsub.Channel) []*pubsub.Message {
			s.follow(c)
			time.Sleep(2 * placeEvery)
			return s.add(c, 10)
		}
		a, b := follow("a"), follow("b")
		s.publish("c") // nobody else can go, so its message takes the place of the oldest of a
		page := s.read("a", pubsub.Position{Epoch: a[0].Pos.Epoch})
		same(t, "the gap", &pubsub.Gap{
			Channel: "a", Reason: pubsub.Overflow, From: pubsub.Position{Epoch: a[0].Pos.Epoch}, To: a[0].Pos,
		}, page.Gap)
		same(t, "what is read", a[1:], page.Messages)

		more := s.add("b", 4) // takes the place of c, then of messages of a, which was idle for longest
		same(t, "whether c is known", false, s.known("c"))
		page = s.read("a", a[0].Pos)
		lost := 10 - len(page.Messages)
		same(t, "the gap", &pubsub.Gap{Channel: "a", Reason: pubsub.Overflow, From: a[0].Pos, To: a[lost-1].Pos}, page.Gap)
		same(t, "what is read", a[lost:], page.Messages)
		same(t, "what is read of b", append(b, more...), s.read("b", pubsub.Position{}).Messages)
		audit(t, s.Broker)

		s.add("b", 20) // a channel that is busy is spared until the others have nothing left
		same(t, "what is left of a", 0, len(s.read("a", pubsub.Position{}).Messages))
		same(t, "the gap of a", &pubsub.Gap{Channel: "a", Reason: pubsub.Overflow, From: a[0].Pos, To: a[9].Pos}, s.read("a", a[0].Pos).Gap)
		same(t, "the end of a", "", s.gap("a", a[9].Pos))
		same(t, "the gap of b", pubsub.Overflow, s.gap("b", b[0].Pos))
		if next := s.publish("a"); next.Pos != a[9].Pos.Next(next.ID) {
			t.Errorf("a goes on at %s behind %s", next.Pos, a[9].Pos)
		}
		same(t, "breaks", 0, s.recorder.Breaks("a")+s.recorder.Breaks("b"))
		audit(t, s.Broker)
	})
}

func TestOnlyChannelLosesItsOldest(t *testing.T) {
	for _, followed := range []bool{false, true} {
		t.Run(fmt.Sprintf("followed %v", followed), func(t *testing.T) {
			s := start(t, Options{Retention: keep(plenty), Memory: cost(10)})
			if followed {
				s.follow("a")
			}
			messages := s.add("a", 25)
			same(t, "what is kept", messages[15:], s.read("a", pubsub.Position{}).Messages)
			for i, m := range messages {
				want := pubsub.Reason("")
				if i < 14 {
					want = pubsub.Overflow
				}
				same(t, "the gap", want, s.gap("a", m.Pos))
			}
			audit(t, s.Broker)
		})
	}
}

// TestOverflowOrTrimmed: memory took ten of twenty messages. Whether that is the reason
// why they are missing depends on what retention would keep by now.
func TestOverflowOrTrimmed(t *testing.T) {
	size := cost(1) - cost(0)
	for _, test := range []struct {
		name   string
		change func(r *pubsub.Retention)
		want   pubsub.Reason
	}{
		{"retention keeps all", func(*pubsub.Retention) {}, pubsub.Overflow},
		{"count keeps one more", func(r *pubsub.Retention) { r.Count = 11 }, pubsub.Overflow},
		{"count keeps no more", func(r *pubsub.Retention) { r.Count = 10 }, pubsub.Trimmed},
		{"count keeps less", func(r *pubsub.Retention) { r.Count = 5 }, pubsub.Trimmed},
		{"bytes keep one more", func(r *pubsub.Retention) { r.Bytes = 11 * size }, pubsub.Overflow},
		{"bytes keep no more", func(r *pubsub.Retention) { r.Bytes = 11*size - 1 }, pubsub.Trimmed},
		{"off", func(r *pubsub.Retention) { *r = pubsub.Retention{} }, pubsub.Trimmed},
		{"age keeps it", func(r *pubsub.Retention) { r.Age = 11 * time.Minute }, pubsub.Overflow},
		{"age does not keep it", func(r *pubsub.Retention) { r.Age = 11*time.Minute - moment }, pubsub.Trimmed},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r changing
				r.Store(&plenty)
				s := start(t, Options{Retention: r.get, Memory: cost(10)})
				s.follow("a")
				var messages []*pubsub.Message
				for range 20 { // the newest that memory takes is 11 minutes old in the end
					messages = append(messages, s.publish("a"))
					time.Sleep(time.Minute)
				}
				changed := plenty
				test.change(&changed)
				r.Store(&changed)
				same(t, "the gap", test.want, s.gap("a", messages[3].Pos))
			})
		})
	}
}

// TestOverflowIsForgotten: what memory took is the reason only as long as nothing newer
// went for another reason.
func TestOverflowIsForgotten(t *testing.T) {
	small := cost(1) - cost(0)
	r := plenty
	r.Bytes = 4 * small
	big := pubsubtest.NewPublication("a", "")
	big.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, 2*small)}
	for _, purge := range []bool{false, true} {
		t.Run(fmt.Sprintf("purge %v", purge), func(t *testing.T) {
			s := start(t, Options{Retention: keep(r), Memory: 1 << 20})
			first := s.publish("a")
			l := s.shard("a").find("a")
			s.memory.used.Add(1 << 20) // as if others had filled the memory
			l.mu.Lock()
			l.shorten()
			l.mu.Unlock()
			s.memory.used.Add(-1 << 20)
			before := pubsub.Position{Epoch: first.Pos.Epoch}
			same(t, "the gap", pubsub.Overflow, s.gap("a", before))
			if purge {
				var err error
				if before, err = s.Purge(t.Context(), "a"); err != nil {
					t.Fatalf("Purge: %v", err)
				}
			}
			s.send(big)
			s.add("a", 2) // one too many for the big one
			same(t, "the gap", pubsub.Trimmed, s.gap("a", before))
			audit(t, s.Broker)
		})
	}
}

func TestMessageLargerThanMemory(t *testing.T) {
	s := start(t, Options{Retention: keep(plenty), Memory: 64 << 10})
	s.follow("a")
	before := s.publish("a")
	other := s.publish("b")
	p := pubsubtest.NewPublication("a", "")
	p.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, 64<<10)}
	m := s.send(p).Message
	same(t, "announcements", []*pubsub.Message{before, m}, s.recorder.Messages("a"))
	page := s.read("a", before.Pos)
	same(t, "the page", pubsub.Page{
		Gap:  &pubsub.Gap{Channel: "a", Reason: pubsub.Overflow, From: before.Pos, To: m.Pos},
		From: m.Pos, End: m.Pos,
	}, page)
	same(t, "another channel, for which it is no reason to go", "", s.gap("b", other.Pos))
	audit(t, s.Broker)
	p.ID, p.Key = m.ID, "k"
	if _, err := s.Publish(t.Context(), p); !errors.Is(err, pubsub.ErrUnavailable) {
		t.Errorf("with a key that cannot be kept: %v, want %v", err, pubsub.ErrUnavailable)
	}
	audit(t, s.Broker)
}

// TestMessageThatAlmostFits needs the room that its own channel's position takes.
func TestMessageThatAlmostFits(t *testing.T) {
	s := start(t, Options{Retention: keep(plenty), Memory: 64 << 10})
	before := s.publish("a")
	p := pubsubtest.NewPublication("a", "")
	p.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, 64<<10-cost(1)+100)}
	m := s.send(p).Message
	same(t, "the gap", pubsub.Overflow, s.gap("a", before.Pos))
	same(t, "the end", "", s.gap("a", m.Pos))
	next := s.publish("a")
	same(t, "what is kept then", []*pubsub.Message{next}, s.read("a", m.Pos).Messages)
	audit(t, s.Broker)
}

func TestMemoryForNothing(t *testing.T) {
	s := start(t, Options{Memory: recordCost})
	var errs []error
	for _, o := range s.PublishBatch(t.Context(), []pubsub.Publication{
		pubsubtest.NewPublication("a", ""), pubsubtest.NewPublication("a", ""), pubsubtest.NewPublication("b", ""),
	}) {
		errs = append(errs, o.Err)
	}
	for i, want := range []error{pubsub.ErrUnavailable, pubsub.ErrNotTried, pubsub.ErrUnavailable} {
		if !errors.Is(errs[i], want) {
			t.Errorf("publication %d: %v, want %v", i, errs[i], want)
		}
	}
	if _, err := s.Follow(t.Context(), "a"); !errors.Is(err, pubsub.ErrUnavailable) {
		t.Errorf("Follow: %v, want %v", err, pubsub.ErrUnavailable)
	}
	same(t, "bytes in use", 0, s.Used())
}

// TestFollowedIsNeverDroppedWhole, not even between the two steps of Follow.
func TestFollowedIsNeverDroppedWhole(t *testing.T) {
	s := start(t, Options{Retention: keep(plenty), Memory: 4 * cost(1)})
	m := s.publish("a")
	l := s.shard("a").find("a")
	l.mu.Lock()
	l.followed = l.memory.pin(l.fixed())
	l.mu.Unlock() // Follow is about to place it
	for i := range 10 {
		s.publish(name(i))
	}
	same(t, "the gap at the end", "", s.gap("a", m.Pos))
	audit(t, s.Broker)
}

func TestEndlessNamesMeetTheBound(t *testing.T) {
	const memory, n = 1 << 20, 8_000
	for name, use := range map[string]func(s *subject, c pubsub.Channel) error{
		"Read": func(s *subject, c pubsub.Channel) error {
			_, err := s.Read(s.t.Context(), c, pubsub.Position{}, all)
			return err
		},
		"Info":    func(s *subject, c pubsub.Channel) error { _, err := s.Info(s.t.Context(), c); return err },
		"Purge":   func(s *subject, c pubsub.Channel) error { _, err := s.Purge(s.t.Context(), c); return err },
		"Publish": func(s *subject, c pubsub.Channel) error { s.publish(c); return nil },
		"Publish with keys": func(s *subject, c pubsub.Channel) error {
			s.send(keyed(c, string(c)))
			return nil
		},
		"Follow and Unfollow": func(s *subject, c pubsub.Channel) error {
			_, err := s.Follow(s.t.Context(), c)
			s.Unfollow(c)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Options{Memory: memory})
			for i := range n {
				if err := use(s, pubsub.Channel(fmt.Sprintf("endless:%d", i))); err != nil {
					t.Fatalf("%d: %v", i, err)
				}
				if s.Used() > memory {
					t.Fatalf("%d: %d bytes are in use", i, s.Used())
				}
			}
			audit(t, s.Broker)
		})
	}
}

func TestFollowedNamesTakeHalf(t *testing.T) {
	s := start(t, Options{Memory: 1 << 20})
	followed := 0
	for ; ; followed++ {
		_, err := s.Follow(t.Context(), name(followed))
		if errors.Is(err, pubsub.ErrUnavailable) {
			break
		}
		if err != nil || followed > 1<<20 {
			t.Fatalf("channel %d: %v", followed, err)
		}
	}
	if pinned := s.memory.pinned.Load(); pinned > 1<<19 || pinned < 1<<18 {
		t.Errorf("%d bytes are pinned, of %d", pinned, 1<<20)
	}
	audit(t, s.Broker)
	s.follow(name(0)) // what is followed already is not refused

	// Messages and other channels have the other half.
	for i := range 3000 {
		s.publish(name(i % followed))
		s.publish(name(i + followed))
	}
	for i := range followed {
		if n := len(s.recorder.Messages(name(i))); n == 0 {
			t.Fatalf("channel %d was not announced", i)
		}
	}
	audit(t, s.Broker)

	// A key that could not be remembered is refused; without one, or once there is room
	// again, it is not.
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		_, err = s.Publish(t.Context(), keyed(name(0), name(i).Namespace()+fmt.Sprint(i)))
	}
	if !errors.Is(err, pubsub.ErrUnavailable) {
		t.Errorf("a key that cannot be remembered: %v, want %v", err, pubsub.ErrUnavailable)
	}
	end := s.read(name(0), pubsub.Position{}).End
	if m := s.publish(name(0)); m.Pos != end.Next(m.ID) {
		t.Errorf("something was stored behind %s in front of %s", end, m.Pos)
	}
	for i := range followed {
		s.Unfollow(name(i))
	}
	s.send(keyed(name(0), "k"))
	audit(t, s.Broker)
	same(t, "bytes pinned", 0, s.memory.pinned.Load())
}

func TestBoundUnderLoad(t *testing.T) {
	const memory, workers, rounds = 256 << 10, 8, 3000
	s := start(t, Options{Memory: memory, Retention: func(c pubsub.Channel) pubsub.Retention {
		r := plenty
		if len(c)%2 == 0 {
			r.Count = 3
		}
		return r
	}})
	const largest = 4 << 10
	var load sync.WaitGroup
	for w := range workers {
		load.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for range rounds {
				c := name(random.IntN(200))
				mine := pubsub.Channel(fmt.Sprintf("w%d:%d", w, random.IntN(20))) // only this worker follows it
				switch random.IntN(10) {
				case 0:
					if _, err := s.Follow(t.Context(), mine); err != nil && !errors.Is(err, pubsub.ErrUnavailable) {
						t.Errorf("Follow: %v", err)
					}
				case 1:
					s.Unfollow(mine)
				case 2:
					s.Read(t.Context(), c, pubsub.Position{}, all)
				case 3:
					s.Purge(t.Context(), c)
				case 4:
					s.Rollback(t.Context(), mine, 2)
				default:
					p := pubsubtest.NewPublication(c, "")
					if random.IntN(2) == 0 {
						p.Channel = mine
					}
					p.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, random.IntN(largest-512))}
					if random.IntN(4) == 0 {
						p.Key = fmt.Sprint(random.IntN(1000))
					}
					_, err := s.Publish(t.Context(), p)
					if err != nil && !errors.Is(err, pubsub.ErrKeyReused) && !errors.Is(err, pubsub.ErrUnavailable) {
						t.Errorf("Publish: %v", err)
					}
				}
				// What the others reserve before they make room for it comes on top.
				if used := s.Used(); used > memory+workers*largest {
					t.Errorf("%d bytes are in use", used)
				}
			}
		})
	}
	load.Wait()
	audit(t, s.Broker)
}
