package redisbroker

import (
	"errors"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// TestRefusedPublicationsChangeNothing lets Redis refuse to write, for each reason that it has.
// A script is no transaction: what it wrote before the refusal would stay.
func TestRefusedPublicationsChangeNothing(t *testing.T) {
	for _, why := range []struct {
		name          string
		refuse, allow []string
	}{
		{"memory is full", []string{"CONFIG", "SET", "maxmemory", "1mb"}, []string{"CONFIG", "SET", "maxmemory", "0"}},
		{"too few replicas", []string{"CONFIG", "SET", "min-replicas-to-write", "1"}, []string{"CONFIG", "SET", "min-replicas-to-write", "0"}},
		{"a replica", []string{"REPLICAOF", "127.0.0.1", "1"}, []string{"REPLICAOF", "NO", "ONE"}},
	} {
		t.Run(why.name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			s := start(t, server, func(o *Options) {
				o.Retention = func(c pubsub.Channel) pubsub.Retention {
					if c == "off" {
						return pubsub.Retention{}
					}
					return pubsub.DefaultRetention
				}
			})
			channels := []pubsub.Channel{"kept", "dropped", "purged", "off", "new", "new and off"}
			var last *pubsub.Message
			for _, c := range channels[:4] {
				s.send(c, "1")
				last = s.send(c, "2")
			}
			server.Do("DEL", s.keys.log("dropped"))
			if _, err := s.Purge(t.Context(), "purged"); err != nil {
				t.Fatal(err)
			}
			state := func() (all string) {
				for _, c := range channels {
					for _, command := range [][]string{
						{"EXISTS", s.keys.record(c), s.keys.log(c), s.keys.answer(c, "k")},
						{"HGETALL", s.keys.record(c)},
						{"XRANGE", s.keys.log(c), "-", "+"},
					} {
						all += strings.Join(command, " ") + ": " + server.Do(command...) + "\n"
					}
				}
				return all
			}
			before := state()
			server.Do(why.refuse...)
			var batch []pubsub.Publication
			for _, c := range channels {
				p := pubsubtest.NewPublication(c, "refused")
				p.Key = "k"
				batch = append(batch, pubsubtest.NewPublication(c, "refused"), p)
			}
			for i, o := range s.PublishBatch(t.Context(), batch) {
				want := []error{pubsub.ErrUnavailable, pubsub.ErrNotTried}[i%2]
				if !errors.Is(o.Err, want) {
					t.Errorf("publishing to %s: %v, want %v", batch[i].Channel, o.Err, want)
				}
			}
			same(t, "what Redis holds", before, state())
			server.Do(why.allow...)
			same(t, "the next offset", last.Pos.Offset+1, s.send("kept", "3").Pos.Offset)
			same(t, "messages kept", 3, len(s.log("kept")))
		})
	}
}

// TestLogsExpire holds that every log has a time to live, also one that was made anew while
// the last one would still have had some.
func TestLogsExpire(t *testing.T) {
	server := redistest.Start(t)
	retention := pubsub.DefaultRetention
	s := start(t, server, func(o *Options) {
		o.Retention = func(pubsub.Channel) pubsub.Retention { return retention }
	})
	for _, empty := range []func(){
		func() {},
		func() { server.Do("DEL", s.keys.log("a")) },
		func() { retention.Bytes = 1; s.log("a") },
		func() { retention.Bytes = 1; s.send("a", "too big") },
		func() { retention.Count = 0; s.send("a", "not kept") },
		func() { s.Purge(t.Context(), "a") },
	} {
		empty()
		retention = pubsub.DefaultRetention
		s.send("a", "kept")
		if ttl := server.Do("PTTL", s.keys.log("a")); len(ttl) < 6 {
			t.Errorf("the log's time to live: %s", ttl)
		}
		if ttl := server.Do("PTTL", s.keys.record("a")); len(ttl) < 6 {
			t.Errorf("the record's time to live: %s", ttl)
		}
	}
}

// TestReadingWhileNothingIsWritten holds that logs can be read while Redis refuses to write, also
// where reading would trim, or put off that the record expires.
func TestReadingWhileNothingIsWritten(t *testing.T) {
	server := redistest.Start(t)
	retention := pubsub.DefaultRetention
	s := start(t, server, func(o *Options) {
		o.Retention = func(pubsub.Channel) pubsub.Retention { return retention }
	})
	var messages []*pubsub.Message
	for range 3 {
		messages = append(messages, s.send("a", "x"))
	}
	server.Do("HSET", s.keys.record("a"), "x", "1")
	server.Do("CONFIG", "SET", "min-replicas-to-write", "1")
	for _, count := range []int{2, 0, 3} { // each time of all, since nothing can be dropped
		retention.Count = count
		same(t, "messages", messages[3-count:], append([]*pubsub.Message{}, s.log("a")...))
		same(t, "the end", messages[2].Pos, s.end("a"))
	}
	if _, err := s.Read(t.Context(), "new", pubsub.Position{}, pubsub.Limit{Messages: 1}); !errors.Is(err, pubsub.ErrUnavailable) {
		t.Errorf("a log that nobody knows: %v, want %v", err, pubsub.ErrUnavailable)
	}
	server.Do("REPLICAOF", "127.0.0.1", "1")
	if _, err := s.Read(t.Context(), "a", pubsub.Position{}, pubsub.Limit{Messages: 1}); !errors.Is(err, pubsub.ErrUnavailable) {
		t.Errorf("reading what a replica would trim: %v, want %v", err, pubsub.ErrUnavailable)
	}
}
