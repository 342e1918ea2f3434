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
	known   map[string]uint64 // key to number of its entry
	entries deque[answer]     // in the order of their times
	first   uint64            // number of the first entry
	peak    int               // most entries since known was made: a map does not shrink
	bytes   int64             // what the keys cost
}

// An answer is what the first publication with a key was told.
type answer struct {
	key     string
	content uint64 // fingerprint of the publication
	id      uuid.UUID
	pos     pubsub.Position
	at      instant
}

// answerCost is what a key costs beside its bytes: an answer, the slack of the deque, and
// its place in the map.
const answerCost = 256

func keyCost(key string) int64 { return answerCost + int64(len(key)) }

func (w *window) find(key string) (answer, bool) {
	if w == nil {
		return answer{}, false
	}
	number, ok := w.known[key]
	if !ok {
		return answer{}, false
	}
	return *w.entries.at(int(number - w.first)), true
}

func (w *window) add(a answer) {
	if w.known == nil {
		w.known = make(map[string]uint64)
	}
	a.key = strings.Clone(a.key) // it may be a piece of a large request
	w.known[a.key] = w.first + uint64(w.entries.len())
	w.entries.pushBack(a)
	w.peak = max(w.peak, w.entries.len())
	w.bytes += keyCost(a.key)
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

func (w *window) shrink() {
	if w.entries.len() >= w.peak/4 || w.peak < 64 {
		return
	}
	w.peak = w.entries.len()
	w.known = make(map[string]uint64, w.peak)
	for i := range w.entries.len() {
		w.known[w.entries.at(i).key] = w.first + uint64(i)
	}
}

// fingerprint sums up what a repeat must have in common with the first publication. It
// does not leave the process, and whoever makes two contents meet fools only himself.
func fingerprint(seed maphash.Seed, p *pubsub.Publication) uint64 {
	var meta uint64 // a sum, since a map has no order
	var h maphash.Hash
	h.SetSeed(seed)
	for k, v := range p.Meta {
		h.Reset()
		writeField(&h, k)
		writeField(&h, v)
		meta += h.Sum64()
	}
	h.Reset()
	maphash.WriteComparable(&h, meta)
	h.WriteByte(byte(p.Data.Kind))
	writeField(&h, p.Event)
	h.Write(p.Data.Bytes)
	return h.Sum64()
}

// writeField writes the length as well, so that neighbours do not blend.
func writeField(h *maphash.Hash, s string) {
	maphash.WriteComparable(h, len(s))
	h.WriteString(s)
}
