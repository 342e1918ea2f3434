package membroker

import (
	"hash/maphash"
	"strings"

	"github.com/google/uuid"
	"github.com/wsbridge/wsbridge/pubsub"
)

// A window holds the idempotency keys of one channel, and what was answered, for
// [pubsub.IdempotencyWindow]. It is owned by its log.
type window struct {
	entries deque[answer]     // in the order of their times
	first   uint64            // number of the first entry
	known   map[string]uint64 // key to number of its entry; nil: they are few
	peak    int               // most entries since known was made: a map does not shrink
	bytes   int64             // what the keys cost
}

// fewKeys are found without a map, which for one key costs more than the key.
const fewKeys = 8

// An answer is what the first publication with a key was told.
type answer struct {
	key     string
	content uint64 // fingerprint of the publication
	id      uuid.UUID
	pos     pubsub.Position
	at      instant
}

// answerCost is what a key costs beside its bytes: an answer, the slack of the deque, and
// its place in the map, or its share of the window when there is no map.
const answerCost = 320

func keyCost(key string) int64 { return answerCost + int64(len(key)) }

func (w *window) find(key string) (answer, bool) {
	if w == nil {
		return answer{}, false
	}
	if w.known == nil {
		for i := range w.entries.len() {
			if a := w.entries.at(i); a.key == key {
				return *a, true
			}
		}
		return answer{}, false
	}
	number, ok := w.known[key]
	if !ok {
		return answer{}, false
	}
	return *w.entries.at(int(number - w.first)), true
}

// add appends an answer whose key is not in the window.
func (w *window) add(a answer) {
	a.key = strings.Clone(a.key) // it may be a piece of a large request
	w.entries.pushBack(a)
	w.bytes += keyCost(a.key)
	switch {
	case w.known != nil:
		w.known[a.key] = w.first + uint64(w.entries.len()-1)
		w.peak = max(w.peak, w.entries.len())
	case w.entries.len() > fewKeys:
		w.index()
	}
}

// expire drops the keys whose time is over and returns what they cost.
func (w *window) expire(now instant) (freed int64) {
	for w.entries.len() > 0 && now-w.entries.at(0).at > pubsub.IdempotencyWindow {
		a := w.entries.popFront()
		w.first++
		delete(w.known, a.key)
		freed += keyCost(a.key)
	}
	w.bytes -= freed
	w.shrink()
	return freed
}

// retract drops the keys of messages behind p and returns what they cost.
func (w *window) retract(p pubsub.Position) (freed int64) {
	for w.entries.len() > 0 {
		last := w.entries.at(w.entries.len() - 1).pos
		if last.Epoch != p.Epoch || last.Offset <= p.Offset {
			break
		}
		a := w.entries.popBack()
		delete(w.known, a.key)
		freed += keyCost(a.key)
	}
	w.bytes -= freed
	w.shrink()
	return freed
}

// shrink makes a smaller map when a quarter of the largest is left.
func (w *window) shrink() {
	switch n := w.entries.len(); {
	case n <= fewKeys/2:
		w.known, w.peak = nil, 0
	case n < w.peak/4:
		w.index()
	}
}

// index makes the map anew.
func (w *window) index() {
	w.peak = w.entries.len()
	w.known = make(map[string]uint64, w.peak)
	for i := range w.peak {
		w.known[w.entries.at(i).key] = w.first + uint64(i)
	}
}

// fingerprint sums up what a repeat must have in common with the first publication: event
// and data. Meta may differ, since it carries what changes from try to try, such as the ids
// of traces. The sum does not leave the process, and whoever makes two contents meet fools
// only himself.
func fingerprint(seed maphash.Seed, p *pubsub.Publication) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteByte(byte(p.Data.Kind))
	maphash.WriteComparable(&h, len(p.Event)) // so that event and data do not blend
	h.WriteString(p.Event)
	h.Write(p.Data.Bytes)
	return h.Sum64()
}
