package transport

import (
	"sync"

	"github.com/wsbridge/wsbridge/bridge"
)

// A batch is what a consumer needs while it moves messages. It is borrowed for that time, so
// that a client to whom nothing happens holds no buffer.
type batch struct {
	items []bridge.Item
	bytes []byte // what is written next
	frame []byte // of a message that is not kept
	tally tally  // of what is written
	run   run    // what was written to the client before
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func getBatch() *batch { return batches.Get().(*batch) }

// put gives the batch back, without what it held.
func (b *batch) put() {
	b.clear()
	batches.Put(b)
}

// clear forgets what the batch held. It is cleared up to its capacity, since an item behind
// the length would keep its message in memory.
func (b *batch) clear() {
	if cap(b.items) > 4*batchMessages || max(cap(b.bytes), cap(b.frame), cap(b.run.bytes)) > 4*batchBytes {
		*b = batch{}
		return
	}
	clear(b.items[:cap(b.items)])
	b.items, b.bytes = b.items[:0], b.bytes[:0]
	b.run.clear()
}
