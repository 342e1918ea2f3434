package transport

import (
	"sync"

	"github.com/wsbridge/wsbridge/bridge"
)

// A batch is what a consumer needs while it moves messages. It is borrowed for that time, so
// that a client to whom nothing happens holds no buffer.
type batch struct {
	items  []bridge.Item
	bytes  []byte   // streams: what is written next
	frames [][]byte // WebSocket: what is written next
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func getBatch() *batch { return batches.Get().(*batch) }

// put gives the batch back, without what it held. It is cleared up to its capacity, since
// an item behind the length would keep its message in memory.
func (b *batch) put() {
	if cap(b.items) > 4*batchMessages || cap(b.bytes) > 4*batchBytes || cap(b.frames) > 4*batchMessages {
		return
	}
	clear(b.items[:cap(b.items)])
	clear(b.frames[:cap(b.frames)])
	b.items, b.bytes, b.frames = b.items[:0], b.bytes[:0], b.frames[:0]
	batches.Put(b)
}
