package bridge

import (
	"slices"
	"time"
)

// This file is the pages that a channel keeps for those who will need them soon, as all who
// fell behind together do. They are of the log since the channel broke last. The channel's
// mutex guards them.

const (
	pagesKept  = 64          // of one channel; beyond it, the one used longest ago goes
	pageIdle   = time.Second // how long a page is kept that nobody uses
	pageBudget = 32 << 20    // bytes of all pages kept by a bridge; beyond it, a page serves those who wait for it
)

// keep keeps a page that gives something to who stands in it.
func (ch *channel) keep(p *page) {
	if p.gap == nil && len(p.messages) == 0 || ch.bridge.pages.Load()+int64(p.bytes) > pageBudget {
		return
	}
	var drop *page
	for _, old := range ch.readings.kept {
		if old.start == p.start {
			drop = old
			break
		}
		if len(ch.readings.kept) == pagesKept && (drop == nil || old.used.Before(drop.used)) {
			drop = old
		}
	}
	ch.drop(func(old *page) bool { return old == drop })
	p.used = time.Now()
	ch.readings.kept = append(ch.readings.kept, p)
	ch.bridge.pages.Add(int64(p.bytes))
}

// pages returns those that are kept.
func (ch *channel) pages() []*page {
	if ch.readings == nil {
		return nil
	}
	return ch.readings.kept
}

// kept returns a page that gives a subscription something, or nil.
func (ch *channel) kept(sub *subscription, now moment) *page {
	for _, p := range slices.Backward(ch.pages()) {
		gap, missed, known := p.behind(sub.pos)
		if known && (gap != nil || len(missed) > 0) && p.decides(sub, now) {
			p.used = now.time
			return p
		}
	}
	return nil
}

// drop drops pages.
func (ch *channel) drop(which func(*page) bool) {
	if len(ch.pages()) == 0 {
		return
	}
	kept := slices.DeleteFunc(ch.readings.kept, func(p *page) bool {
		if !which(p) {
			return false
		}
		ch.bridge.pages.Add(-int64(p.bytes))
		return true
	})
	if len(kept) == 0 {
		kept = nil
	}
	ch.readings.kept = kept
}

// dropAll drops all pages.
func (ch *channel) dropAll() { ch.drop(func(*page) bool { return true }) }

// tidy looks after a channel until nothing of its readings counts any more.
func (b *Bridge) tidy(ch *channel) {
	b.sweeper.mu.Lock()
	b.sweeper.keeping[ch] = struct{}{}
	b.sweeper.mu.Unlock()
}

// dropIdle drops the pages that nobody has used for a while, and then all that is left of
// readings.
func (b *Bridge) dropIdle(now time.Time) {
	s := &b.sweeper
	s.mu.Lock()
	if len(s.keeping) == 0 {
		s.mu.Unlock()
		return
	}
	keeping := s.keeping
	s.keeping = make(map[*channel]struct{})
	s.mu.Unlock()
	for ch := range keeping {
		ch.mu.Lock()
		ch.drop(func(p *page) bool { return now.Sub(p.used) > pageIdle })
		if ch.readings.over(now) {
			ch.readings = nil
		} else {
			b.tidy(ch)
		}
		ch.mu.Unlock()
	}
}
