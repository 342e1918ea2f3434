package redistest

import (
	"slices"
	"strconv"
	"strings"
)

// A Move is a slot on its way from one master to another. While it is, the old one answers
// for the keys that it still has, sends those who ask for others to the new one (ASK), and
// commands on several keys of which some are here and some there fail (TRYAGAIN).
type Move struct {
	c        *Cluster
	slot     string
	from, to *Server
}

// MoveSlot moves a slot with its keys to another master, in the steps of redis-cli, and waits
// until all nodes know.
func (c *Cluster) MoveSlot(slot int, to *Server) {
	c.t.Helper()
	c.BeginMove(slot, to).End()
}

// BeginMove begins to move a slot, and moves no key yet.
func (c *Cluster) BeginMove(slot int, to *Server) *Move {
	c.t.Helper()
	m := &Move{c, strconv.Itoa(slot), c.MasterOf(slot), to}
	if m.from == to {
		c.t.Fatalf("redistest: slot %d is at %s already", slot, to.Addr())
	}
	to.Do("CLUSTER", "SETSLOT", m.slot, "IMPORTING", m.from.id())
	m.from.Do("CLUSTER", "SETSLOT", m.slot, "MIGRATING", to.id())
	return m
}

// Keys moves up to limit keys, and returns how many it moved.
func (m *Move) Keys(limit int) int {
	m.c.t.Helper()
	keys := slices.DeleteFunc(m.from.List("CLUSTER", "GETKEYSINSLOT", m.slot, strconv.Itoa(limit)), func(k string) bool { return k == "" })
	if len(keys) == 0 {
		return 0
	}
	args := []string{"MIGRATE", "127.0.0.1", strconv.Itoa(m.to.port), "", "0", strconv.Itoa(int(patience.Milliseconds()))}
	if m.to.password != "" {
		args = append(args, "AUTH", m.to.password)
	}
	m.from.Do(append(append(args, "KEYS"), keys...)...)
	return len(keys)
}

// End moves the keys that are left, gives the slot to its new master, and waits until all
// nodes know. The old master tells the slot's sharded subscribers that they are unsubscribed.
func (m *Move) End() {
	m.c.t.Helper()
	for m.Keys(100) > 0 {
	}
	// The new one first: if the old one gave it up before, nobody would have it for a moment.
	m.to.Do("CLUSTER", "SETSLOT", m.slot, "NODE", m.to.id())
	m.from.Do("CLUSTER", "SETSLOT", m.slot, "NODE", m.to.id())
	for _, n := range m.c.Nodes {
		if n == m.to || n == m.from || !n.up() {
			continue
		}
		// A replica is told by its master.
		if _, err := n.TryDo("CLUSTER", "SETSLOT", m.slot, "NODE", m.to.id()); err != nil && !strings.Contains(err.Error(), "only with masters") {
			m.c.t.Fatalf("redistest: %s: %v", n.Addr(), err)
		}
	}
	m.c.WaitReady()
}
