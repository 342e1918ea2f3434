package bridge

import (
	"maps"
	"slices"
)

// Load tells how many channels have a subscriber on this instance, and how many
// subscriptions there are in all. It walks over all channels, a shard at a time.
func (b *Bridge) Load() (channels, subscriptions int) {
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.RLock()
		for _, ch := range s.channels {
			if ch.users > 0 {
				channels++
				subscriptions += ch.users
			}
		}
		s.mu.RUnlock()
	}
	return channels, subscriptions
}

// LongestQueue tells how many bytes wait for the subscriber for whom most do; compare it
// with [Options.Queue]. It walks over all subscriptions, a channel at a time.
func (b *Bridge) LongestQueue() int {
	longest := 0
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.RLock()
		channels := slices.Collect(maps.Values(s.channels))
		s.mu.RUnlock()
		for _, ch := range channels {
			longest = max(longest, ch.longestQueue())
		}
	}
	return longest
}

func (ch *channel) longestQueue() int {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	longest := 0
	for _, subs := range [][]*subscription{ch.live, ch.others} {
		for _, sub := range subs {
			longest = max(longest, sub.client.Queued())
		}
	}
	return longest
}
