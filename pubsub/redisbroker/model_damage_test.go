package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// TestHoles deletes an entry behind the broker's back. Whoever would pass the hole is told that
// the log of this channel cannot be read.
func TestHoles(t *testing.T) {
	server := redistest.Start(t)
	var retention pubsub.Retention
	s := start(t, server, func(o *Options) {
		o.Retention = func(pubsub.Channel) pubsub.Retention { return retention }
	})
	for _, hole := range []uint64{1, 2, 4, 6} {
		for _, limit := range []int{1, 2, 3, 10} {
			for _, count := range []int{3, 10} {
				name := fmt.Sprintf("hole-%d-%d-%d", hole, limit, count)
				c, limit := pubsub.Channel(name), pubsub.Limit{Messages: limit}
				retention = pubsub.DefaultRetention
				for range 6 {
					s.send(c, "x")
				}
				server.Do("XDEL", s.keys.log(c), strconv.FormatUint(hole, 10)+"-0")
				retention.Count = count
				_, forth := walk(s, c, limit, s.Read, pubsub.Position{}, (*pubsub.Page).Last)
				_, back := walk(s, c, limit, s.ReadBack, pubsub.Position{}, func(p *pubsub.Page) pubsub.Position { return p.From })
				for way, err := range map[string]error{"forth": forth, "back": back} {
					if hole < 3 && count == 3 {
						if err != nil && !strings.Contains(err.Error(), name) {
							t.Errorf("%s, %s: %v", name, way, err) // retention has no use for it, and may not look
						}
					} else if !errors.Is(err, pubsub.ErrUnavailable) || !strings.Contains(err.Error(), name) {
						t.Errorf("%s, %s: %v", name, way, err)
					}
				}
			}
		}
	}
}

// TestScarOfAnExpiredLog appends a scar where the log has gone and nobody has looked since.
func TestScarOfAnExpiredLog(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server)
	var lost pubsub.Position
	for range 5 {
		lost = s.send("a", "x").Pos
	}
	first := pubsub.Position{Epoch: lost.Epoch}
	server.Do("DEL", s.keys.log("a"))
	lost.Offset += 3
	if err := s.mark(t.Context(), map[pubsub.Channel]pubsub.Position{"a": lost}); err != nil {
		t.Fatal(err)
	}
	scar := s.end("a")
	next := s.send("a", "y")
	page, err := s.Read(t.Context(), "a", first, pubsub.Limit{Messages: 10})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "what is behind the beginning", pubsub.Page{
		Gap: &pubsub.Gap{Channel: "a", Reason: pubsub.Overflow, From: first, To: scar}, From: scar, Messages: []*pubsub.Message{next}, End: next.Pos,
	}, page)
	if ttl := server.Do("PTTL", s.keys.log("a")); len(ttl) < 6 {
		t.Errorf("the log's time to live: %s", ttl)
	}
}

// TestMarkingGoesOn has one log that cannot be marked among others that can.
func TestMarkingGoesOn(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server)
	known := map[pubsub.Channel]pubsub.Position{}
	for i := range 3 {
		c := pubsub.Channel(strconv.Itoa(i))
		p := s.send(c, "x").Pos
		p.Offset++
		known[c] = p
	}
	server.Do("SET", s.keys.record("1"), "no record")
	if err := s.mark(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	for _, c := range []pubsub.Channel{"0", "2"} {
		same(t, "the scar's offset", uint64(2), s.end(c).Offset)
	}
}

// TestOverflow holds that what Redis dropped counts as such only as long as it would be kept.
func TestOverflow(t *testing.T) {
	server := redistest.Start(t)
	retention := pubsub.DefaultRetention
	s := start(t, server, func(o *Options) {
		o.Retention = func(pubsub.Channel) pubsub.Retention { return retention }
	})
	first := s.send("a", "1").Pos
	s.send("a", "2")
	server.Do("DEL", s.keys.log("a"))
	s.send("a", "3")
	reason := func() pubsub.Reason {
		page, err := s.Read(t.Context(), "a", first, pubsub.Limit{Messages: 1})
		if err != nil || page.Gap == nil {
			t.Fatalf("%+v, %v", page, err)
		}
		return page.Gap.Reason
	}
	same(t, "while it would be kept", pubsub.Overflow, reason())
	retention.Count = 1
	same(t, "when one is kept", pubsub.Trimmed, reason())
	retention.Count = 2
	same(t, "when two are kept", pubsub.Overflow, reason())
	retention.Bytes = int64((&pubsub.Message{}).Size() + len(`"3"`))
	same(t, "when few bytes are kept", pubsub.Trimmed, reason())
	retention = pubsub.DefaultRetention
	server.Do("HINCRBY", s.keys.record("a"), "vt", "-300001")
	same(t, "when it would be too old", pubsub.Trimmed, reason())
}

// TestPositionsKeepNoEntries holds that a position, of which clients keep many, does not keep
// the bytes of the entry that it was read from.
func TestPositionsKeepNoEntries(t *testing.T) {
	s := start(t, redistest.Start(t))
	for range 3 {
		s.send("a", "x")
	}
	page, err := s.Read(t.Context(), "a", pubsub.Position{}, pubsub.Limit{Messages: 10})
	if err != nil {
		t.Fatal(err)
	}
	back, err := s.ReadBack(t.Context(), "a", pubsub.Position{}, pubsub.Limit{Messages: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []pubsub.Page{page, back} {
		for _, m := range page.Messages {
			if unsafe.StringData(string(m.Pos.Epoch)) != unsafe.StringData(string(page.Messages[0].Pos.Epoch)) {
				t.Errorf("the epoch of %s is a string of its own", m.Pos)
			}
		}
	}
}

// TestScriptThatBreaksOff takes a right away in the middle of a script: what it wrote stays, so
// nobody may be told that nothing was stored.
func TestScriptThatBreaksOff(t *testing.T) {
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "u", "on", ">p", "~*", "&*", "+@all")
	s := start(t, server, func(o *Options) { o.User, o.Password = "u", "p" })
	s.send("a", "1")
	server.Do("ACL", "SETUSER", "u", "-publish")
	if _, err := s.Publish(t.Context(), pubsubtest.NewPublication("a", "2")); !errors.Is(err, pubsub.ErrOutcomeUnknown) {
		t.Errorf("Publish: %v, want %v", err, pubsub.ErrOutcomeUnknown)
	}
	same(t, "entries", "2", server.Do("XLEN", s.keys.log("a")))
	server.Do("ACL", "SETUSER", "u", "+publish", "-evalsha")
	if _, err := s.Publish(t.Context(), pubsubtest.NewPublication("a", "3")); !errors.Is(err, pubsub.ErrUnavailable) {
		t.Errorf("Publish: %v, want %v", err, pubsub.ErrUnavailable)
	}
	server.Do("ACL", "SETUSER", "u", "+evalsha")
	same(t, "messages", 2, len(s.log("a")))
}

// TestRefusalBehindAnEarlierTry holds that a refusal says nothing of a try that was not answered.
func TestRefusalBehindAnEarlierTry(t *testing.T) {
	server := redistest.Start(t, "--maxmemory", "1")
	b, err := New(Options{Addrs: []string{server.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	cmd := redis.NewCmd(t.Context(), "SET", "a", "b")
	b.client.Process(t.Context(), cmd)
	if !redis.HasErrorPrefix(cmd.Err(), "OOM") {
		t.Fatal(cmd.Err())
	}
	p := pubsubtest.NewPublication("a", "x")
	for sent, want := range map[bool]error{false: pubsub.ErrUnavailable, true: pubsub.ErrOutcomeUnknown} {
		it := b.newPending(&p, time.Now())
		it.sent = sent
		if err := b.outcome(t.Context(), it, cmd, new(trouble)); !errors.Is(err, want) {
			t.Errorf("sent before: %v: %v, want %v", sent, err, want)
		}
	}
}

// TestEntryOfANewerVersionInTheLog publishes where such a one should be dropped. It stays, and who
// would pass it is told.
func TestEntryOfANewerVersionInTheLog(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server, func(o *Options) {
		o.Retention = func(pubsub.Channel) pubsub.Retention {
			return pubsub.Retention{Count: 2, Age: time.Hour, Bytes: 1 << 20}
		}
	})
	s.send("a", "1")
	server.Do("DEL", s.keys.log("a"))
	server.Do("XADD", s.keys.log("a"), "1-0", "m", "\x02 what it may be")
	for offset := uint64(2); offset < 6; offset++ {
		same(t, "the offset", offset, s.send("a", "x").Pos.Offset)
	}
	if _, err := s.Read(t.Context(), "a", pubsub.Position{}, pubsub.Limit{Messages: 10}); err == nil {
		same(t, "the oldest", "4-0", strings.Fields(server.Do("XRANGE", s.keys.log("a"), "-", "+", "COUNT", "1"))[0])
	}
}

// TestReplicatedBehindAPurge repeats a publication whose log was purged in between.
func TestReplicatedBehindAPurge(t *testing.T) {
	master := redistest.Start(t)
	master.Replica(t)
	s := start(t, master)
	p := pubsubtest.NewPublication("a", "x")
	p.Key, p.Replicated = "k", true
	first := s.publish(p)
	for range 2 {
		if _, err := s.Purge(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		again := s.publish(p)
		same(t, "the position", first.Message.Pos, again.Message.Pos)
	}
	// A master that lacks the purge lacks the message as well, if that came behind it.
	p.Key = "l"
	s.publish(p)
	epoch := string(first.Message.Pos.Epoch)
	master.Do("HSET", s.keys.record("a"), "e", epoch+"1")
	if _, err := s.Publish(t.Context(), p); !errors.Is(err, pubsub.ErrNotReplicated) {
		t.Errorf("Publish: %v, want %v", err, pubsub.ErrNotReplicated)
	}
}

// TestLargeNumbers publishes at the end of what Lua counts exactly.
func TestLargeNumbers(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server, func(o *Options) {
		o.Retention = func(pubsub.Channel) pubsub.Retention {
			return pubsub.Retention{Count: 4, Age: time.Hour, Bytes: 1 << 20}
		}
	})
	const top = 1 << 53
	end, size := s.end("a"), (&pubsub.Message{}).Size()+3
	end.Offset = top - 12
	server.Do("HSET", s.keys.record("a"), "o", strconv.FormatUint(end.Offset, 10), "fo", strconv.FormatUint(end.Offset, 10),
		"b", strconv.Itoa(top-12*size), "fb", strconv.Itoa(top-12*size))
	want := end
	var kept []*pubsub.Message
	for range 10 {
		m := s.send("a", "x")
		want = want.Next(m.ID)
		same(t, "the position", want, m.Pos)
		kept = append(kept, m)
	}
	same(t, "the log", kept[6:], s.log("a"))
	page, err := s.Read(t.Context(), "a", kept[7].Pos, pubsub.Limit{Messages: 10, Bytes: size})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "a page", pubsub.Page{From: kept[7].Pos, Messages: kept[8:9], End: want, More: true}, page)
	same(t, "the sum of bytes", strconv.Itoa(top-2*size), server.Do("HGET", s.keys.record("a"), "b"))
}

// TestClockSetBack has a log whose newest message is of the future, as far as Redis can tell.
func TestClockSetBack(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server)
	s.send("a", "1")
	server.Do("HINCRBY", s.keys.record("a"), "t", "3600000")
	future := s.send("a", "2").Time
	if time.Until(future) < 59*time.Minute {
		t.Errorf("the message is of %v", future)
	}
	same(t, "the next one's time", future, s.send("a", "3").Time)
	same(t, "messages", 3, len(s.log("a")))
	if ttl, err := strconv.Atoi(server.Do("PTTL", s.keys.log("a"))); err != nil || ttl < 3600_000+300_000 {
		t.Errorf("the log's time to live: %d, %v", ttl, err)
	}
}

// walk pages through a log until there is no more of it.
func walk(s *subject, c pubsub.Channel, limit pubsub.Limit,
	read func(context.Context, pubsub.Channel, pubsub.Position, pubsub.Limit) (pubsub.Page, error),
	at pubsub.Position, next func(*pubsub.Page) pubsub.Position,
) (pages []pubsub.Page, err error) {
	for range 10_000 {
		page, err := read(s.t.Context(), c, at, limit)
		if err != nil {
			return pages, err
		}
		pages = append(pages, page)
		if at = next(&page); !page.More {
			return pages, nil
		}
	}
	return pages, errors.New("it never ends")
}
