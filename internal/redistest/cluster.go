package redistest

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Cluster is a Redis Cluster whose nodes are all on this machine.
type Cluster struct {
	// Nodes are first the masters, each with an equal share of the slots in order, then the
	// replicas of the first master, of the second, and so on. Failovers change roles, not places.
	Nodes []*Server

	t testing.TB
}

// StartCluster starts a cluster and waits until it serves all slots and its replicas have
// caught up, which takes some three seconds. A node that is away for two seconds is taken for
// dead, and its replica, if there is one, takes over. args are settings of all nodes.
func StartCluster(t testing.TB, masters, replicasEach int, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	for range masters * (1 + replicasEach) {
		c.Nodes = append(c.Nodes, start(t, func(s *Server) []string {
			return append([]string{
				"--port", strconv.Itoa(s.port),
				"--cluster-enabled", "yes",
				"--cluster-port", strconv.Itoa(Port(t)),
				"--cluster-node-timeout", "2000",
				"--repl-ping-replica-period", "1", // a replica whose master was silent for longer stands back
			}, args...)
		}))
	}

	for i, n := range c.Nodes {
		n.Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i < masters {
			n.Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(slots*i/masters), strconv.Itoa(slots*(i+1)/masters-1))
		}
		for _, other := range c.Nodes[:i] {
			n.Do("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(other.port), other.Do("CONFIG", "GET", "cluster-port")[len("cluster-port\n"):])
		}
	}
	c.await("all nodes know each other", func() bool {
		return !slices.ContainsFunc(c.Nodes, func(n *Server) bool { return len(n.peers()) != len(c.Nodes) })
	})
	for i, n := range c.Nodes[masters:] {
		n.Do("CLUSTER", "REPLICATE", c.Nodes[i/replicasEach].id())
	}
	c.WaitReady()
	return c
}

// Addrs returns HOST:PORT of all nodes.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, n := range c.Nodes {
		addrs = append(addrs, n.Addr())
	}
	return addrs
}

// WaitReady waits until all nodes that run and are not frozen say that the cluster serves all
// slots, agree on who has them, and those of them that are replicas have caught up.
func (c *Cluster) WaitReady() {
	c.t.Helper()
	c.await("the cluster is ready", func() bool {
		views := make(map[string]bool)
		for _, n := range c.Nodes {
			if !n.up() {
				continue
			}
			state, err := n.call(time.Second, "CLUSTER", "INFO")
			if err != nil || !strings.Contains(state.text, "cluster_state:ok") {
				return false
			}
			if n.info("replication", "role") == "slave" && n.info("replication", "master_link_status") != "up" {
				return false
			}
			views[n.view()] = true
		}
		return len(views) == 1
	})
}

// MasterOf returns the node that serves a slot, and waits for one if there is none. A node
// that is frozen or killed is none.
func (c *Cluster) MasterOf(slot int) *Server {
	c.t.Helper()
	var master *Server
	c.await("slot "+strconv.Itoa(slot)+" has a master", func() bool {
		master = nil
		epoch := -1
		for _, n := range c.Nodes {
			if !n.up() {
				continue
			}
			// A former master may not have heard yet that it was replaced. The later epoch is right.
			for _, p := range n.peers() {
				if p.myself && p.master && p.has(slot) && p.epoch > epoch {
					master, epoch = n, p.epoch
				}
			}
		}
		return master != nil
	})
	return master
}

// ReplicaOf returns a running replica of a node, nil if it has none.
func (c *Cluster) ReplicaOf(master *Server) *Server {
	c.t.Helper()
	id := master.id()
	for _, n := range c.Nodes {
		if !n.up() {
			continue
		}
		for _, p := range n.peers() {
			if p.myself && p.of == id {
				return n
			}
		}
	}
	return nil
}

func (c *Cluster) await(what string, holds func() bool) {
	c.t.Helper()
	c.Nodes[0].await(what, holds)
}

// id returns the name of a node in its cluster. It is kept in a file, so it can be told of
// a node that does not run.
func (s *Server) id() string {
	if s.node == "" {
		s.node = s.Do("CLUSTER", "MYID")
	}
	return s.node
}

// view returns who has which slots, in the eyes of one node.
func (s *Server) view() string {
	v, err := s.call(time.Second, "CLUSTER", "SLOTS")
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, r := range v.list { // first slot, last slot, master [host port id …], replicas
		lines = append(lines, strings.Join(r.list[0].flat(r.list[1].flat(nil)), "-")+" "+r.list[2].list[2].text)
	}
	slices.Sort(lines)
	return strings.Join(lines, ",")
}

// A peer is what one node knows of another, or of itself.
type peer struct {
	id     string
	myself bool
	master bool
	of     string // id of its master, "-" of a master
	epoch  int
	ranges [][2]int
}

func (p peer) has(slot int) bool {
	return slices.ContainsFunc(p.ranges, func(r [2]int) bool { return r[0] <= slot && slot <= r[1] })
}

// peers returns the nodes that s knows of and has shaken hands with, none if s is silent.
func (s *Server) peers() []peer {
	v, err := s.call(time.Second, "CLUSTER", "NODES")
	if err != nil {
		return nil
	}
	var peers []peer
	for line := range strings.Lines(v.text) {
		// id address flags master ping-sent pong-received config-epoch link-state slots…
		f := strings.Fields(line)
		flags := strings.Split(f[2], ",")
		if slices.Contains(flags, "handshake") {
			continue
		}
		p := peer{id: f[0], myself: slices.Contains(flags, "myself"), master: slices.Contains(flags, "master"), of: f[3]}
		p.epoch, _ = strconv.Atoi(f[6])
		for _, r := range f[8:] {
			if r[0] == '[' {
				continue // a slot on its way
			}
			first, last, ok := strings.Cut(r, "-")
			if !ok {
				last = first
			}
			a, _ := strconv.Atoi(first)
			b, _ := strconv.Atoi(last)
			p.ranges = append(p.ranges, [2]int{a, b})
		}
		peers = append(peers, p)
	}
	return peers
}
