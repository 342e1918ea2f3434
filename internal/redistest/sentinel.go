package redistest

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Sentinels watch over a master and its replicas.
type Sentinels struct {
	Addrs  []string // HOST:PORT of each
	Master string   // the name by which they know the master
	Nodes  []*Server

	t testing.TB
}

// StartSentinels starts n sentinels for a master and the replicas that it has, and waits
// until all know each other and the replicas. They take a server for down that is silent for
// a second, and a majority of them begins a failover, which takes some two seconds. A
// replica that was cut off they lead back after five.
func StartSentinels(t testing.TB, n int, master *Server) *Sentinels {
	t.Helper()
	st := &Sentinels{Master: "main", t: t}
	for range n {
		s := start(t, func(s *Server) []string {
			s.sentinel = true
			settings := []string{
				"--port", strconv.Itoa(s.port),
				"--sentinel", "monitor", st.Master, "127.0.0.1", strconv.Itoa(master.port), strconv.Itoa(n/2 + 1),
				"--sentinel", "down-after-milliseconds", st.Master, "1000",
				"--sentinel", "failover-timeout", st.Master, "5000",
			}
			if master.password != "" {
				settings = append(settings, "--sentinel", "auth-pass", st.Master, master.password)
			}
			return settings
		})
		// They look more often than usual. The last two: a process that got no processor for a
		// while must not sit still for 30 seconds, as a sentinel does when it mistrusts its clock.
		s.Do("SENTINEL", "DEBUG", "info-period", "500", "ping-period", "200", "ask-period", "200", "publish-period", "200",
			"tilt-trigger", "10000", "tilt-period", "1000")
		st.Nodes = append(st.Nodes, s)
		st.Addrs = append(st.Addrs, s.Addr())
	}

	replicas, _ := strconv.Atoi(master.info("replication", "connected_slaves"))
	st.await("the sentinels know each other and the replicas", func() bool {
		return !slices.ContainsFunc(st.Nodes, func(s *Server) bool {
			known, err := s.call(time.Second, "SENTINEL", "REPLICAS", st.Master)
			others, err2 := s.call(time.Second, "SENTINEL", "SENTINELS", st.Master)
			return err != nil || err2 != nil || len(known.list) != replicas || len(others.list) != n-1
		})
	})
	return st
}

// MasterAddr returns HOST:PORT of the master, once all sentinels that run name the same.
func (st *Sentinels) MasterAddr() string {
	st.t.Helper()
	var addr string
	st.await("the sentinels agree on the master", func() bool {
		named := st.named()
		if len(named) != 1 {
			return false
		}
		addr = named[0]
		return true
	})
	return addr
}

// WaitMaster waits until all sentinels that run name s as the master.
func (st *Sentinels) WaitMaster(s *Server) {
	st.t.Helper()
	st.await("the sentinels name "+s.Addr(), func() bool { return slices.Equal(st.named(), []string{s.Addr()}) })
}

// Failover makes the sentinels replace a healthy master, and returns when they have begun.
// It waits before until all of them have seen the end of any other failover: one that still
// believes in the old roles would undo the new.
func (st *Sentinels) Failover() {
	st.t.Helper()
	st.await("a sentinel begins a failover", func() bool {
		i := slices.IndexFunc(st.Nodes, (*Server).up)
		if i < 0 || !st.settled() {
			return false
		}
		_, err := st.Nodes[i].TryDo("SENTINEL", "FAILOVER", st.Master)
		return err == nil
	})
}

// settled reports whether all sentinels that run see a healthy master, and at least one
// replica, and those of them that are up copy the master.
func (st *Sentinels) settled() bool {
	for _, s := range st.Nodes {
		if !s.up() {
			continue
		}
		master, err := s.call(time.Second, "SENTINEL", "MASTER", st.Master)
		if err != nil || master.field("flags") != "master" || master.field("role-reported") != "master" {
			return false
		}
		replicas, err := s.call(time.Second, "SENTINEL", "REPLICAS", st.Master)
		if err != nil {
			return false
		}
		fit := 0
		for _, r := range replicas.list {
			switch {
			case strings.Contains(r.field("flags"), "s_down"):
			case r.field("flags") == "slave" && r.field("role-reported") == "slave" && r.field("master-link-status") == "ok":
				fit++
			default:
				return false
			}
		}
		if fit == 0 {
			return false
		}
	}
	return true
}

// named returns the different masters that the running sentinels name.
func (st *Sentinels) named() []string {
	var addrs []string
	for _, s := range st.Nodes {
		if !s.up() {
			continue
		}
		v, err := s.call(time.Second, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", st.Master)
		if err != nil || len(v.list) != 2 {
			return nil
		}
		addrs = append(addrs, net.JoinHostPort(v.list[0].text, v.list[1].text))
	}
	slices.Sort(addrs)
	return slices.Compact(addrs)
}

func (st *Sentinels) await(what string, holds func() bool) {
	st.t.Helper()
	st.Nodes[0].await(what, holds)
}
