package membroker

import (
	"errors"
	"hash/maphash"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
	"pgregory.net/rapid"
)

func keyed(c pubsub.Channel, key string) pubsub.Publication {
	p := pubsubtest.NewPublication(c, "text")
	p.Key = key
	return p
}

func TestWindowIsExact(t *testing.T) {
	for _, test := range []struct {
		name string
		o    Options
	}{
		{"messages kept", Options{Retention: keep(plenty)}},
		{"retention off", Options{Retention: keep(pubsub.Retention{})}},
		{"position gone long before", Options{Retention: keep(pubsub.Retention{}), PositionTTL: time.Second}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, test.o)
				first := s.send(keyed("a", "k")).Message
				time.Sleep(pubsub.IdempotencyWindow)
				receipt := s.send(keyed("a", "k"))
				same(t, "duplicate at the end of the window", true, receipt.Duplicate)
				same(t, "its position", first.Pos, receipt.Message.Pos)
				time.Sleep(moment) // a repeat does not prolong the window
				receipt = s.send(keyed("a", "k"))
				same(t, "duplicate behind the window", false, receipt.Duplicate)
				changed := keyed("a", "k")
				changed.Event = "changed"
				if _, err := s.Publish(t.Context(), changed); !errors.Is(err, pubsub.ErrKeyReused) {
					t.Errorf("Publish: %v, want %v", err, pubsub.ErrKeyReused)
				}
			})
		})
	}
}

// TestWindow compares a window with a plain list.
func TestWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w window
		var want []answer
		var now instant
		number := 0
		checkFreed := func(freed, before int64) {
			if w.bytes != before-freed {
				t.Fatalf("freed %d of %d, left %d", freed, before, w.bytes)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				for range rapid.IntRange(1, 30).Draw(t, "n") {
					number++
					a := answer{key: "key-" + strconv.Itoa(number), content: uint64(number), at: now}
					a.pos = pubsub.Position{Epoch: "e", Offset: uint64(number)}
					w.add(a)
					want = append(want, a)
				}
			},
			"expire": func(t *rapid.T) {
				now += time.Duration(rapid.IntRange(0, 200).Draw(t, "seconds")) * time.Second
				before := w.bytes
				checkFreed(w.expire(now), before)
				for len(want) > 0 && now-want[0].at > pubsub.IdempotencyWindow {
					want = want[1:]
				}
			},
			"retract": func(t *rapid.T) {
				p := pubsub.Position{Epoch: "e", Offset: uint64(max(0, number-rapid.IntRange(0, 20).Draw(t, "n")))}
				before := w.bytes
				checkFreed(w.retract(p), before)
				for len(want) > 0 && want[len(want)-1].pos.Offset > p.Offset {
					want = want[:len(want)-1]
				}
			},
			"": func(t *rapid.T) {
				var bytes int64
				for _, a := range want {
					bytes += keyCost(a.key)
					if got, ok := w.find(a.key); !ok || got != a {
						t.Fatalf("%s: %+v, %v; want %+v", a.key, got, ok, a)
					}
				}
				if w.entries.len() != len(want) || w.bytes != bytes {
					t.Fatalf("%d keys of %d bytes, want %d of %d", w.entries.len(), w.bytes, len(want), bytes)
				}
				if _, ok := w.find("never"); ok {
					t.Fatalf("a key is known that nobody added")
				}
				if n := len(w.known); n != 0 && n != len(want) {
					t.Fatalf("the map has %d keys, want %d", n, len(want))
				}
				if w.peak > 4*(len(want)+1) {
					t.Fatalf("a map made for %d keys holds %d", w.peak, len(want))
				}
			},
		})
	})
}

func TestFingerprint(t *testing.T) {
	seed := maphash.MakeSeed()
	plain := pubsub.Publication{Event: "e", Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte("1")}}
	seen := make(map[uint64]string)
	for name, change := range map[string]func(*pubsub.Publication){
		"plain":           func(*pubsub.Publication) {},
		"event":           func(p *pubsub.Publication) { p.Event = "f" },
		"kind":            func(p *pubsub.Publication) { p.Data.Kind = pubsub.Binary },
		"data":            func(p *pubsub.Publication) { p.Data.Bytes = []byte("2") },
		"event into data": func(p *pubsub.Publication) { p.Event, p.Data.Bytes = "", []byte("e1") },
	} {
		p := plain
		change(&p)
		sum := fingerprint(seed, &p)
		if other, ok := seen[sum]; ok {
			t.Errorf("%s and %s have the same fingerprint", name, other)
		}
		seen[sum] = name
		p.From, p.ID, p.Key = &pubsub.Sender{User: "u"}, pubsubtest.NewPublication("c", "").ID, "k"
		p.Meta = map[string]string{"trace": "2"}
		if fingerprint(seed, &p) != sum {
			t.Errorf("%s: who publishes, or with which meta, changes the fingerprint", name)
		}
	}
}
