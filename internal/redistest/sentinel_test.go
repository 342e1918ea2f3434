package redistest

import "testing"

func TestSentinels(t *testing.T) {
	t.Parallel()
	s := Start(t)
	r := s.Replica(t)
	st := StartSentinels(t, 3, s)
	if len(st.Addrs) != 3 || st.MasterAddr() != s.Addr() {
		t.Fatalf("%d sentinels name %s, want %s", len(st.Addrs), st.MasterAddr(), s.Addr())
	}
	s.Kill()
	st.WaitMaster(r)
	if got := r.Role(); got != "master" {
		t.Errorf("the sentinels promoted a %s", got)
	}
	s.Restart()
	s.await("the old master copies the new", func() bool { return s.info("replication", "master_link_status") == "up" })

	st.Nodes[0].Kill()
	st.Failover()
	st.WaitMaster(s)
}

func TestSentinelsPromoteACutReplica(t *testing.T) {
	t.Parallel()
	s := Start(t, "--requirepass", "secret")
	r := s.Replica(t)
	st := StartSentinels(t, 1, s)
	r.CutReplica()
	s.Do("SET", "tail", "1")
	s.Kill()
	st.WaitMaster(r)
	if got := r.Do("GET", "tail"); got != "" {
		t.Errorf("the promoted replica has the tail: %q", got)
	}
}
