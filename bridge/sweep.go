package bridge

import (
	"sync"
	"time"
)

// sweepEvery is how often the sweeper looks around.
const sweepEvery = 250 * time.Millisecond

// A sweeper does what would otherwise need a timer for each channel and client: it ends
// channels that nobody uses any more, drops pages that nobody needs, wakes clients whose log
// could not be read, and stops those that stand still.
type sweeper struct {
	done chan struct{}
	wg   sync.WaitGroup

	mu        sync.Mutex // guards what follows
	lagging   map[*Client]struct{}
	reminders map[*Client]struct{}
	keeping   map[*channel]struct{} // a page of their logs at least
}

func (s *sweeper) init() {
	s.done = make(chan struct{})
	s.lagging = make(map[*Client]struct{})
	s.reminders = make(map[*Client]struct{})
	s.keeping = make(map[*channel]struct{})
}

func (s *sweeper) run(b *Bridge) {
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		ticker := time.NewTicker(sweepEvery)
		defer ticker.Stop()
		for {
			select {
			case <-s.done:
				return
			case now := <-ticker.C:
				b.stopStalled(now)
				b.wakeReminded(now)
				b.dropIdle(now)
				b.closeIdle(now)
			}
		}
	}()
}

func (s *sweeper) close() {
	close(s.done)
	s.wg.Wait()
}

// watch looks after a client whose queue was full, until it has caught up or left.
func (b *Bridge) watch(c *Client) {
	b.sweeper.mu.Lock()
	b.sweeper.lagging[c] = struct{}{}
	b.sweeper.mu.Unlock()
}

// remind wakes a client when a log can be tried again.
func (b *Bridge) remind(c *Client) {
	b.sweeper.mu.Lock()
	b.sweeper.reminders[c] = struct{}{}
	b.sweeper.mu.Unlock()
}

func (b *Bridge) stopStalled(now time.Time) {
	s := &b.sweeper
	var stalled []*Client
	s.mu.Lock()
	for c := range s.lagging {
		c.mu.Lock()
		switch {
		case !c.lags || c.cause != nil:
			delete(s.lagging, c)
			c.lags = false
		case !c.pulling && now.Sub(b.created)-c.taken > b.options.Stall:
			delete(s.lagging, c)
			stalled = append(stalled, c)
		}
		c.mu.Unlock()
	}
	s.mu.Unlock()
	for _, c := range stalled {
		c.Stop(ErrTooSlow)
	}
}

func (b *Bridge) wakeReminded(now time.Time) {
	s := &b.sweeper
	var wake []*Client
	s.mu.Lock()
	for c := range s.reminders {
		c.mu.Lock()
		switch {
		case c.cause != nil || len(c.behind) == 0:
			delete(s.reminders, c)
		case c.parked && c.workable(now) >= 0:
			c.parked = false // and stays: another of its logs may have been put off for longer
			wake = append(wake, c)
		}
		c.mu.Unlock()
	}
	s.mu.Unlock()
	for _, c := range wake {
		c.consumer.Wake()
	}
}

// closeIdle stops following channels that have had no user for a while.
func (b *Bridge) closeIdle(now time.Time) {
	most := (b.options.Lingering + shardCount - 1) / shardCount
	for i := range b.shards {
		s := &b.shards[i]
		for {
			ch := s.expired(now.Add(-b.options.Linger), most)
			if ch == nil {
				break
			}
			// Outside the shard's lock, since the broker may be announcing, which looks channels up.
			b.broker.Unfollow(ch.name)
			ch.leave()
			s.mu.Lock()
			delete(s.channels, ch.name)
			s.mu.Unlock()
			close(ch.closing)
		}
	}
}

// expired takes one channel from the shard's idle list that has been idle since before the
// given time, or that is one too many, and marks it as closing; nil when there is none.
func (s *shard) expired(before time.Time, most int) *channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range len(s.idle) {
		ch := s.idle[0]
		unused := ch.users == 0
		if unused && len(s.idle) <= most && ch.idle.After(before) {
			// The list is in the order of leaving but for those who came back and left again.
			if len(s.idle) == 1 || !s.idle[1].idle.Before(ch.idle) {
				return nil
			}
			s.idle = append(s.idle[1:], ch)
			continue
		}
		s.idle[0] = nil
		s.idle = s.idle[1:]
		ch.queued = false
		if unused {
			ch.closing = make(chan struct{})
			return ch
		}
	}
	if len(s.idle) == 0 {
		s.idle = nil
	}
	return nil
}
