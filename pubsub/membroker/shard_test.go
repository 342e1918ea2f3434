package membroker

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestNothingIsStoredInWhatIsGone removes a log again and again while publishers wait for
// its lock: none of them may append to what nobody can find any more.
func TestNothingIsStoredInWhatIsGone(t *testing.T) {
	const publishers, each = 4, 2000
	s := start(t, Options{Retention: keep(plenty)})
	s.publish("a")
	var publishing, removing sync.WaitGroup
	var stop atomic.Bool
	removing.Go(func() {
		for shard := s.shard("a"); !stop.Load(); runtime.Gosched() {
			l := shard.find("a")
			if l == nil {
				continue
			}
			l.mu.Lock()
			runtime.Gosched() // let publishers find it
			if shard.mu.TryLock() {
				if !l.gone {
					s.memory.release(shard.remove(l))
				}
				shard.mu.Unlock()
			}
			l.mu.Unlock()
		}
	})
	for range publishers {
		publishing.Go(func() {
			for range each {
				s.publish("a")
			}
		})
	}
	publishing.Wait()
	stop.Store(true)
	removing.Wait()
	audit(t, s.Broker)
}
