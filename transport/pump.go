package transport

import (
	"runtime"
	"sync"
	"time"
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
	var before, last round
	for range p.wake {
		for {
			time.Sleep(pause(before, last, time.Since(last.ended)))
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
			before, last = last, round{turns: len(queue)}
			began := time.Now()
			for _, c := range queue {
				b.items = b.items[:0]
				c.turn(b)
				last.items += len(b.items)
			}
			last.ended = time.Now()
			last.took = last.ended.Sub(began)
		}
	}
}

// A round of a pump is a turn for each of those who had something.
type round struct {
	turns, items int
	took         time.Duration
	ended        time.Time
}

// pause returns how long a pump lets messages gather before its next round. Whoever publishes all the
// time goes on when a round has ended, and the first message of many would have a round to itself,
// which takes nearly as long as one with all of them. So a pump pauses when the rounds before took
// long and carried several messages each, and the last one ended since just now.
func pause(before, last round, since time.Duration) time.Duration {
	d := min(last.took/pauseShare, longestPause)
	if d < shortestPause || since > last.took || before.items+last.items < 2*(before.turns+last.turns) {
		return 0
	}
	return d
}

const (
	pauseShare    = 16 // of a round: nobody waits much longer than without a pause
	shortestPause = 100 * time.Microsecond
	longestPause  = time.Millisecond
)

// pumpKeeps is the capacity, in connections, that an empty queue keeps.
const pumpKeeps = 1 << 14

// close ends run. No connection is left.
func (p *pump) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.signal()
}
