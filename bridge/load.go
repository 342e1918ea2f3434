package bridge

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
