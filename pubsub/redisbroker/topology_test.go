package redisbroker

import (
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
)

func TestSlotsMoveUnderTraffic(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 0)
	w, r := start(t, nil, onCluster(cluster)), read(t, nil, onCluster(cluster))
	many := names(12)
	r.follow(many...)
	f := pour(w, many)
	for _, c := range many[:4] {
		f.await(t, 100)
		s := slot(string(c))
		from := cluster.MasterOf(s)
		for _, to := range cluster.Nodes {
			if to != from {
				cluster.MoveSlot(s, to)
				break
			}
		}
	}
	f.await(t, 300)
	r.expectAll(f.end())
	r.awaitState(pubsub.Up)
	t.Logf("%+v", r.lines.stats())
	// A line is made anew if its own canary sat in the slot; the others stay.
	if n := r.lines.stats().Reconnects; n > 2 {
		t.Errorf("%d lines were made anew", n)
	}
	// What has moved is announced from where it is now.
	announced := r.lines.stats().Announcements
	for _, c := range many {
		w.send(c, "last")
	}
	until(t, "the announcements", func() bool { return r.lines.stats().Announcements >= announced+12 })
}

func TestMasterOfAClusterDies(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 1)
	w, r := start(t, nil, onCluster(cluster)), read(t, nil, onCluster(cluster))
	many := names(12)
	r.follow(many...)
	for _, c := range many {
		w.send(c, "in front")
		r.expect(c, "in front")
	}
	dead := cluster.MasterOf(slot("c0"))
	dead.Kill()
	r.awaitState(pubsub.Degraded)
	r.awaitState(pubsub.Up)
	f := pour(w, many)
	f.await(t, 200)
	sent := f.end()
	for c := range sent {
		sent[c] = append([]string{"in front"}, sent[c]...)
	}
	r.expectAll(sent)
	same(t, "masters", 3, len(r.lines.nodes))

	// Back as a replica, it changes nothing.
	dead.Restart()
	cluster.WaitReady()
	w.send("c0", "last")
	r.expect("c0", append(sent["c0"], "last")...)
	same(t, "the state", pubsub.Up, r.Status().State)
}

// A replica takes over while its master lives, as in maintenance.
func TestMasterOfAClusterIsReplaced(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 1)
	w, r := start(t, nil, onCluster(cluster)), read(t, nil, onCluster(cluster))
	many := names(12)
	r.follow(many...)
	f := pour(w, many)
	f.await(t, 100)
	old := cluster.MasterOf(slot("c0"))
	replica := cluster.ReplicaOf(old)
	replica.Do("CLUSTER", "FAILOVER")
	until(t, "the failover", func() bool { return replica.Role() == "master" })
	cluster.WaitReady()
	f.await(t, 100)
	r.expectAll(f.end())
	r.awaitState(pubsub.Up)
	until(t, "the lines to the new master", func() bool {
		r.lines.mu.RLock()
		defer r.lines.mu.RUnlock()
		return r.lines.nodes[replica.Addr()] != nil && r.lines.nodes[old.Addr()] == nil
	})
	until(t, "no line to the old one", func() bool { return old.Do("PUBSUB", "SHARDCHANNELS") == "" })
}

// A Cluster that lacks a master without a replica refuses everything but pub/sub.
func TestClusterLacksAMaster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 0)
	w, r := start(t, nil, onCluster(cluster)), read(t, nil, onCluster(cluster))
	many := names(12)
	r.follow(many...)
	cluster.Nodes[0].Kill()
	r.awaitState(pubsub.Down)
	cluster.Nodes[0].Restart()
	cluster.WaitReady()
	r.awaitState(pubsub.Up)
	for _, c := range many {
		w.send(c, "1")
		r.expect(c, "1")
	}
}

func TestClusterIsDownAndUp(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 0)
	w, r := start(t, nil, onCluster(cluster)), read(t, nil, onCluster(cluster))
	r.follow("a")
	for _, n := range cluster.Nodes {
		n.Freeze()
	}
	r.awaitState(pubsub.Down)
	for _, n := range cluster.Nodes {
		n.Thaw()
	}
	cluster.WaitReady()
	r.awaitState(pubsub.Up)
	w.send("a", "1")
	r.expect("a", "1")
}
