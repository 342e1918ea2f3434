package transport

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// addresses is what is known of the addresses that clients come from. It is bounded, and
// forgets: an address with a connection is kept as long as that, and the connections are
// bounded; of the others only those are kept whose bucket is not full, and at most
// idleAddresses.
type addresses struct {
	seed   maphash.Seed
	shards [addressShards]addressShard
}

const (
	addressShards = 64
	idleAddresses = 1 << 16
	forgetting    = 8 // accounts that are looked at whenever one is added
)

type addressShard struct {
	mu       sync.Mutex // guards what follows
	accounts map[netip.Addr]account
	held     int // accounts with a connection
}

// An account is one address, or one /64.
type account struct {
	held     int32
	requests bucket
}

// network is what counts as one address: of IPv6 the /64, since each host has that many.
func network(a netip.Addr) netip.Addr {
	if a.Is6() && !a.Is4In6() {
		p, _ := a.WithZone("").Prefix(64) // 64 is no wrong length
		return p.Addr()
	}
	return a.Unmap()
}

func (t *addresses) shard(a netip.Addr) *addressShard {
	return &t.shards[maphash.Comparable(t.seed, a)%addressShards]
}

// request takes a request from the bucket of an address, or returns how long to wait.
func (t *addresses) request(a netip.Addr, r rate, now time.Duration) (wait time.Duration) {
	a = network(a)
	s := t.shard(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	one, known := s.accounts[a]
	if wait := one.requests.take(r, now); wait > 0 {
		return wait
	}
	if !known {
		s.forget(now)
	}
	s.set(a, one)
	return 0
}

// hold counts a connection of an address. It reports false when there are most already.
func (t *addresses) hold(a netip.Addr, most int, now time.Duration) bool {
	a = network(a)
	s := t.shard(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	one, known := s.accounts[a]
	if int(one.held) >= most {
		return false
	}
	if !known {
		s.forget(now)
	}
	if one.held == 0 {
		s.held++
	}
	one.held++
	s.set(a, one)
	return true
}

// release takes back what hold counted.
func (t *addresses) release(a netip.Addr, now time.Duration) {
	a = network(a)
	s := t.shard(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.accounts[a]
	if one.held--; one.held == 0 {
		s.held--
	}
	if one.idle(now) {
		delete(s.accounts, a)
	} else {
		s.accounts[a] = one
	}
}

func (s *addressShard) set(a netip.Addr, one account) {
	if s.accounts == nil {
		s.accounts = make(map[netip.Addr]account)
	}
	s.accounts[a] = one
}

// idle reports that nothing is lost with the account.
func (o account) idle(now time.Duration) bool {
	return o.held == 0 && time.Duration(o.requests) <= now
}

// forget looks at a few accounts, which ones is chance, and drops those that are idle. More
// are looked at than are added, so those that are idle cannot pile up. When too many without a
// connection are left, one of them goes: the address then has a full bucket again.
func (s *addressShard) forget(now time.Duration) {
	full := len(s.accounts)-s.held >= idleAddresses/addressShards
	looked := 0
	for a, one := range s.accounts {
		if one.idle(now) || full && one.held == 0 {
			delete(s.accounts, a)
			full = false
		}
		if looked++; looked >= forgetting && !full {
			return
		}
	}
}
