package redistest

import (
	"strconv"
	"strings"
	"testing"
)

func TestSlot(t *testing.T) {
	t.Parallel()
	s := Start(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(Port(t)))
	for _, key := range []string{"", "a", "wsbridge:v1:{orders:42}:log", "{}a", "{a", "a}{b}", "{{a}}", "{a}{b}", "123456789"} {
		if got, want := strconv.Itoa(Slot(key)), s.Do("CLUSTER", "KEYSLOT", key); got != want {
			t.Errorf("Slot(%q) = %s, Redis says %s", key, got, want)
		}
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	c := StartCluster(t, 3, 1)
	if len(c.Nodes) != 6 || len(c.Addrs()) != 6 {
		t.Fatalf("%d nodes", len(c.Nodes))
	}
	for i, slot := range []int{0, 8000, slots - 1} {
		master := c.MasterOf(slot)
		if master != c.Nodes[i] {
			t.Errorf("slot %d is at %s, want node %d", slot, master.Addr(), i)
		}
		if got := c.ReplicaOf(master); got != c.Nodes[3+i] {
			t.Errorf("the replica of master %d is another", i)
		}
	}

	// A slot moves with its keys.
	slot := Slot("{k}")
	from := c.MasterOf(slot)
	to := c.Nodes[0]
	if from == to {
		to = c.Nodes[1]
	}
	from.Do("SET", "{k}1", "one")
	from.Do("SET", "{k}2", "two")
	m := c.BeginMove(slot, to)
	if n := m.Keys(1); n != 1 {
		t.Errorf("moved %d keys, want 1", n)
	}
	answers := map[bool]int{}
	for _, key := range []string{"{k}1", "{k}2"} {
		_, err := from.TryDo("GET", key)
		answers[err != nil && strings.HasPrefix(err.Error(), "ASK ")]++
	}
	if answers[true] != 1 || answers[false] != 1 {
		t.Errorf("in the midst of the move %d keys are asked for elsewhere, %d are here", answers[true], answers[false])
	}
	m.End()
	if c.MasterOf(slot) != to {
		t.Error("the slot has not moved")
	}
	if got := to.Do("MGET", "{k}1", "{k}2"); got != "one\ntwo" {
		t.Errorf("after the move: %q", got)
	}
	c.MoveSlot(slot, from)
	if got := from.Do("MGET", "{k}1", "{k}2"); got != "one\ntwo" {
		t.Errorf("after the move back: %q", got)
	}

	// The replica of a dead master takes over, and the master comes back as its replica.
	replica := c.ReplicaOf(from)
	from.Kill()
	if got := c.MasterOf(slot); got != replica {
		t.Errorf("after the death of the master its slot is at %s", got.Addr())
	}
	c.WaitReady()
	if got := replica.Do("GET", "{k}1"); got != "one" {
		t.Errorf("the new master has %q", got)
	}
	from.Restart()
	c.WaitReady()
	c.await("the old master is a replica", func() bool { return from.Role() == "slave" && c.ReplicaOf(replica) == from })
}
