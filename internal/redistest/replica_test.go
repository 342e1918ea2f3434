package redistest

import "testing"

func TestReplica(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.Do("SET", "before", "1")
	r := s.Replica(t)
	if got := r.Do("GET", "before"); got != "1" {
		t.Errorf("copied: %q", got)
	}
	if s.Role() != "master" || r.Role() != "slave" {
		t.Errorf("roles: %s and %s", s.Role(), r.Role())
	}
	s.Do("SET", "while", "1")
	r.AwaitCopy(s)
	if got := r.Do("GET", "while"); got != "1" {
		t.Errorf("copied: %q", got)
	}
	if got := s.ClientKill("replica"); got != 1 {
		t.Errorf("killed the links of %d replicas, want 1", got)
	}
}

func TestCutReplicaLacksTheTail(t *testing.T) {
	t.Parallel()
	s := Start(t)
	r := s.Replica(t)
	s.Do("SET", "k", "1")
	r.AwaitCopy(s)
	r.CutReplica()
	s.Do("SET", "k", "2")
	r.Promote()
	if got := r.Do("GET", "k"); got != "1" || r.Role() != "master" {
		t.Errorf("promoted: k is %q, want 1; role %s", got, r.Role())
	}
	r.Do("SET", "k", "3")
	r.Restart()
	if got := r.Role(); got != "master" {
		t.Errorf("after a restart the promoted replica is a %s", got)
	}
}
