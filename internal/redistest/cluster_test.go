package redistest

import "testing"

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

	// The replica of a dead master takes over, and the master comes back as its replica.
	slot := Slot("k")
	master := c.MasterOf(slot)
	replica := c.ReplicaOf(master)
	master.Do("SET", "k", "1")
	replica.await("the copy of a write", func() bool { return replica.info("keyspace", "db0") != "" })
	master.Kill()
	if got := c.MasterOf(slot); got != replica {
		t.Errorf("after the death of the master its slot is at %s", got.Addr())
	}
	c.WaitReady()
	if got := replica.Do("GET", "k"); got != "1" {
		t.Errorf("the new master has %q", got)
	}
	master.Restart()
	c.await("the old master is a replica", func() bool { return c.ReplicaOf(replica) == master })
	c.WaitReady()
	if got := c.MasterOf(slot); got != replica {
		t.Errorf("after the return of the old master the slot is at %s", got.Addr())
	}
}
