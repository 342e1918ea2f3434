package transport

import (
	"runtime"
	"sync"
)

// A pump lets connections write what is queued for them, on one goroutine: those that have
// something, in turns. It never waits for a client.
type pump struct {
	mu     sync.Mutex // guards what follows
	queue  []turner
	closed bool

	wake chan struct{} // holds one
}

// A turner is what a pump gives turns.
type turner interface{ turn(b *batch) }

func newPump() *pump { return &pump{wake: make(chan struct{}, 1)} }

// post lets a connection have a turn. It stands in the queue once at most, since only who
// holds its outlet posts it.
func (p *pump) post(c turner) {
	p.mu.Lock()
	first := len(p.queue) == 0
	p.queue = append(p.queue, c)
	p.mu.Unlock()
	if first {
		p.signal()
	}
}

func (p *pump) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run gives turns until the pump is closed.
func (p *pump) run() {
	b := getBatch()
	defer b.put()
	var queue []turner
	for range p.wake {
		for {
			// Whoever is ready to publish goes first: what they add leaves in the same writes.
			runtime.Gosched()
			clear(queue)
			p.mu.Lock()
			queue, p.queue = p.queue, queue[:0]
			closed := p.closed
			p.mu.Unlock()
			if closed {
				return
			}
			if len(queue) == 0 {
				b.clear()
				if cap(queue) > pumpKeeps {
					queue = nil
				}
				break
			}
			for _, c := range queue {
				c.turn(b)
			}
		}
	}
}

// pumpKeeps is the capacity, in connections, that an empty queue keeps.
const pumpKeeps = 1 << 14

// close ends run. No connection is left.
func (p *pump) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.signal()
}
