package chaos

import (
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
)

var rollback = []pubsub.Reason{pubsub.Rollback}

// lostTail: a replica is promoted that its master could not tell the latest. One instance
// comes to it first, and the logs outgrow what was lost before the others come.
var lostTail = scenario{name: "replica promoted with a lost tail", lossy: rollback, loses: true, play: func(r *run) {
	master := redistest.Start(r.t)
	replica := master.Replica(r.t)
	proxies, url := r.behind(master)
	r.start(url)
	r.calmBefore()
	replica.AwaitCopy(master) // else it may have nothing at all
	replica.CutReplica()
	r.traffic(50 + r.rng.IntN(200))
	master.Kill()
	replica.Promote()
	for n, i := range r.rng.Perm(len(r.instances)) {
		proxies[i].Redirect(replica.Addr())
		proxies[i].Cut()
		if n == 0 {
			straight := r.publisher("straight")
			straight.url = r.instances[i].url()
			straight.burst(900)
		}
	}
	r.calmAfter()
}}

// failover: Sentinel replaces a master that died. Replication is asynchronous, so what was not
// copied yet may be lost.
var failover = scenario{name: "sentinel failover", lossy: rollback, play: func(r *run) {
	r.failover(func(master, _ *redistest.Server, _ *redistest.Sentinels) { master.Kill() })
}}

// switchover: Sentinel replaces a master that is well. That lives on for a second, while instances
// come to its successor one after the other. As docs/operations.md says, it takes no writes then.
var switchover = scenario{name: "sentinel failover, the master well", lossy: rollback, play: func(r *run) {
	r.ledger.Split()
	r.failover(func(master, replica *redistest.Server, sentinels *redistest.Sentinels) {
		for _, s := range []*redistest.Server{master, replica} {
			s.Do("CONFIG", "SET", "min-replicas-to-write", "1")
		}
		sentinels.Failover()
	})
}}

func (r *run) failover(begin func(master, replica *redistest.Server, sentinels *redistest.Sentinels)) {
	master := redistest.Start(r.t)
	replica := master.Replica(r.t)
	sentinels := redistest.StartSentinels(r.t, 3, master)
	r.start(func(int) string {
		return "redis+sentinel://" + strings.Join(sentinels.Addrs, ",") + "/" + sentinels.Master
	})
	r.calmBefore()
	replica.AwaitCopy(master)
	begin(master, replica, sentinels)
	sentinels.WaitMaster(replica)
	r.prove(replica.Role() == "master", "the replica was made the master")
	r.calmAfter()
}

// clustered leads all instances to a cluster.
func clustered(c *redistest.Cluster) func(int) string {
	return func(int) string { return "redis+cluster://" + strings.Join(c.Addrs(), ",") }
}

// slotOf returns the slot of a channel's keys.
func slotOf(c pubsub.Channel) int { return redistest.Slot("{" + string(c) + "}") }

// masterKilled: a master of a cluster dies, and its replica takes over.
var masterKilled = scenario{name: "cluster, a master killed", lossy: rollback, play: func(r *run) {
	cluster := redistest.StartCluster(r.t, 3, 1)
	r.start(clustered(cluster))
	r.calmBefore()
	slot := slotOf(r.channel(r.rng))
	master := cluster.MasterOf(slot)
	master.Kill()
	r.pass(r.between(0, time.Second))
	heir := cluster.MasterOf(slot)
	r.prove(heir != master, "%s serves the slots of %s", heir.Addr(), master.Addr())
	cluster.WaitReady()
	r.calmAfter()
}}

// slotMoved: channels move from one master to another, key by key, while they are used.
var slotMoved = scenario{name: "cluster, slots moved", play: func(r *run) {
	cluster := redistest.StartCluster(r.t, 3, 0)
	r.start(clustered(cluster))
	r.calmBefore()
	for range 4 {
		slot := slotOf(r.channel(r.rng))
		from := cluster.MasterOf(slot)
		to := cluster.Nodes[r.rng.IntN(len(cluster.Nodes))]
		if to == from {
			continue
		}
		move := cluster.BeginMove(slot, to)
		r.pass(r.between(0, 300*time.Millisecond))
		for range r.rng.IntN(3) {
			move.Keys(1)
			r.pass(r.between(0, 100*time.Millisecond))
		}
		move.End()
		r.prove(cluster.MasterOf(slot) == to, "slot %d moved to %s", slot, to.Addr())
		r.whisper()
	}
	r.calmAfter()
}}
