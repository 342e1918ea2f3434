package redisbroker

import (
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

func TestCompare(t *testing.T) {
	at := func(epoch pubsub.Epoch, offset uint64, digest pubsub.Digest) pubsub.Position {
		return pubsub.Position{Epoch: epoch, Offset: offset, Digest: digest}
	}
	for _, test := range []struct {
		name              string
		before, last, end pubsub.Position // last: when the end has been read
		line, audit       finding
	}{
		{"nothing new", at("e", 5, 50), at("e", 5, 50), at("e", 5, 50), nothingMissed, nothingMissed},
		{"missed, or on its way", at("e", 5, 50), at("e", 5, 50), at("e", 7, 70), missed, perhapsMissed},
		{"came while it was read", at("e", 5, 50), at("e", 7, 70), at("e", 7, 70), nothingMissed, nothingMissed},
		{"came after it was read", at("e", 5, 50), at("e", 9, 90), at("e", 7, 70), nothingMissed, nothingMissed},
		{"some of it came", at("e", 5, 50), at("e", 6, 60), at("e", 7, 70), missed, perhapsMissed},
		{"the log went back", at("e", 5, 50), at("e", 5, 50), at("e", 3, 30), missed, missed},
		{"went back and was announced further", at("e", 5, 50), at("e", 6, 60), at("e", 3, 30), missed, missed},
		{"went back and came as far", at("e", 5, 50), at("e", 5, 50), at("e", 5, 51), missed, missed},
		{"went back and came further", at("e", 5, 50), at("e", 5, 50), at("e", 6, 61), missed, perhapsMissed},
		{"another epoch", at("e", 5, 50), at("e", 5, 50), at("f", 2, 20), missed, perhapsMissed},
		{"another epoch, which came", at("e", 5, 50), at("f", 2, 20), at("f", 2, 20), nothingMissed, nothingMissed},
		{"another epoch came after it was read", at("e", 5, 50), at("f", 0, 0), at("e", 5, 50), missed, perhapsMissed},
		{"the log is new", at("e", 0, 0), at("e", 0, 0), at("f", 0, 0), missed, perhapsMissed},
	} {
		t.Run(test.name, func(t *testing.T) {
			for patience, want := range map[bool]finding{false: test.line, true: test.audit} {
				var r pubsubtest.Recorder
				f := &followed{channel: "a", last: test.last}
				same(t, "the finding", want, f.compare(test.before, test.end, patience, &r, flaws{}))
				breaks, last := 0, test.last
				if want == missed {
					breaks, last = 1, test.end
				}
				same(t, "breaks", breaks, r.Breaks("a"))
				same(t, "the last position", last, f.last)
			}
		})
	}
}

func TestArrived(t *testing.T) {
	at := func(offset uint64) pubsub.Position { return pubsub.Position{Epoch: "e", Offset: offset} }
	var r pubsubtest.Recorder
	f := &followed{channel: "a", last: at(5)}
	same(t, "the finding", nothingMissed, f.arrived(at(5), &r, flaws{}))
	same(t, "the finding", nothingMissed, f.arrived(at(4), &r, flaws{}))
	same(t, "the finding", missed, f.arrived(at(6), &r, flaws{}))
	same(t, "the finding", nothingMissed, f.arrived(at(6), &r, flaws{}))
	f.leave()
	same(t, "the finding", nothingMissed, f.arrived(at(7), &r, flaws{}))
	same(t, "breaks", 1, r.Breaks("a"))
}

func TestFlawsOfComparing(t *testing.T) {
	at := func(offset uint64, digest pubsub.Digest) pubsub.Position {
		return pubsub.Position{Epoch: "e", Offset: offset, Digest: digest}
	}
	var r pubsubtest.Recorder
	f := &followed{channel: "a", last: at(5, 50)}
	same(t, "ignoreDigest", nothingMissed, f.compare(f.last, at(5, 51), false, &r, flaws{ignoreDigest: true}))
	same(t, "noCatchUp", nothingMissed, f.compare(f.last, at(7, 70), false, &r, flaws{noCatchUp: true}))
	same(t, "noCatchUp forgets it", nothingMissed, f.compare(f.last, at(7, 70), false, &r, flaws{}))
	same(t, "breaks", 0, r.Breaks("a"))
}

// Follow returns the end that was read, whatever was announced meanwhile.
func TestOpening(t *testing.T) {
	at := func(offset uint64) pubsub.Position { return pubsub.Position{Epoch: "e", Offset: offset} }
	for _, test := range []struct{ announced, last uint64 }{{0, 5}, {4, 5}, {5, 5}, {6, 6}} {
		var r pubsubtest.Recorder
		o := &opening{done: make(chan struct{})}
		f := &followed{channel: "a", opening: o}
		if test.announced > 0 {
			f.announced(announcement{at(test.announced), &pubsub.Message{Channel: "a", Pos: at(test.announced)}}, &r)
		}
		same(t, "the finding", nothingMissed, f.compare(pubsub.Position{}, at(5), false, &r, flaws{}))
		<-o.done
		same(t, "the end", at(5), o.end)
		same(t, "the last position", at(test.last), f.last)
	}
}

// A position must not keep the announcement alive that it came with.
func TestEpochsAreKeptOnce(t *testing.T) {
	text := strings.Repeat("x", 1<<20)
	allocated := func(n int) float64 {
		return testing.AllocsPerRun(n, func() {
			f := new(followed)
			for i := range uint64(10) {
				p := pubsub.Position{Epoch: pubsub.Epoch(text[:8]), Offset: i}
				f.move(&p)
				if p.Epoch != f.last.Epoch {
					t.Fatal("the epoch has changed")
				}
			}
		})
	}
	if n := allocated(100); n > 2 {
		t.Errorf("%v allocations, want those of the struct and one epoch", n)
	}
}

// What was announced last when the line was lost is remembered until it was looked for, though
// announcements go on.
func TestHeldPosition(t *testing.T) {
	at := func(offset uint64, digest pubsub.Digest) pubsub.Position {
		return pubsub.Position{Epoch: "e", Offset: offset, Digest: digest}
	}
	position := func(f *followed, want pubsub.Position, wantHeld bool) {
		t.Helper()
		p, held := f.position()
		same(t, "the position", want, p)
		same(t, "held", wantHeld, held)
	}
	var r pubsubtest.Recorder
	old, fresh := at(5, 50), at(9, 91)
	f := &followed{channel: "a", last: old}
	position(f, old, false)
	f.hold()
	f.announced(announcement{fresh, &pubsub.Message{Channel: "a"}}, &r)
	position(f, old, true)
	f.hold() // the line was lost again
	position(f, old, true)
	f.found(fresh)
	position(f, old, true)
	f.found(old)
	position(f, fresh, false)

	opening := &followed{channel: "a", opening: &opening{done: make(chan struct{})}}
	opening.hold()
	position(opening, pubsub.Position{}, false)
}

// The end of a log may have been read, and told by a break, before its announcement is passed on.
func TestABreakThatWasToldAlready(t *testing.T) {
	at := func(offset uint64) pubsub.Position { return pubsub.Position{Epoch: "e", Offset: offset} }
	var r pubsubtest.Recorder
	f := &followed{channel: "a", last: at(5)}
	f.announced(announcement{pos: at(6)}, &r)
	same(t, "breaks", 1, r.Breaks("a"))
	f.announced(announcement{pos: at(6)}, &r)
	same(t, "breaks, told twice", 1, r.Breaks("a"))
	f.announced(announcement{pos: at(7)}, &r)
	same(t, "breaks, once more", 2, r.Breaks("a"))
}
