package transport

import (
	"time"

	"github.com/wsbridge/wsbridge/bridge"
)

// A run is several messages in a row as they were written to one client. On a busy channel the
// next client is given the very same ones, and is written the same bytes.
type run struct {
	deliveries []*bridge.Delivery // none: there is no run
	deflated   bool
	bytes      []byte
	frame      []byte    // of a message that is not kept
	oldest     time.Time // when the oldest of them was published
}

// is reports whether items are what the run holds.
func (r *run) is(items []bridge.Item, deflated bool) bool {
	if len(items) != len(r.deliveries) || len(items) == 0 || deflated != r.deflated {
		return false
	}
	for i, it := range items {
		if d, ok := it.(*bridge.Delivery); !ok || d != r.deliveries[i] {
			return false
		}
	}
	return true
}

// take makes items the run. It reports false where their bytes are not the same for all clients, or
// too many to be copied.
func (r *run) take(items []bridge.Item, deflated bool) bool {
	r.clear()
	r.deflated = deflated
	for _, it := range items {
		d, ok := it.(*bridge.Delivery)
		if !ok || d.Message.Stream != nil {
			r.clear()
			return false
		}
		f := frameOf(d, deflated, &r.frame)
		if len(r.bytes)+len(f) > batchBytes || len(f) > gatherBytes {
			r.clear()
			return false
		}
		r.deliveries = append(r.deliveries, d)
		r.bytes = append(r.bytes, f...)
		if at := d.Message.Time; r.oldest.IsZero() || at.Before(r.oldest) {
			r.oldest = at
		}
	}
	return true
}

// count adds the run to a tally, for a client that came at since.
func (r *run) count(t *tally, since time.Time) {
	if r.oldest.Before(since) {
		for _, d := range r.deliveries {
			t.add(d.Message, since)
		}
		return
	}
	t.messages += len(r.deliveries)
	if t.oldest.IsZero() || r.oldest.Before(t.oldest) {
		t.oldest = r.oldest
	}
}

// clear forgets the run, so that it holds no message in memory.
func (r *run) clear() {
	clear(r.deliveries)
	*r = run{deliveries: r.deliveries[:0], bytes: r.bytes[:0], frame: r.frame}
}
