package redistest

import (
	"strconv"
	"strings"
	"testing"
)

// Replica starts a server that copies s, and waits until it has caught up.
func (s *Server) Replica(t testing.TB, args ...string) *Server {
	t.Helper()
	settings := []string{"--replicaof", "127.0.0.1", strconv.Itoa(s.port)}
	if s.password != "" {
		settings = append(settings, "--masterauth", s.password, "--requirepass", s.password)
	}
	r := Start(t, append(settings, args...)...)
	r.await("the link to its master", func() bool { return r.info("replication", "master_link_status") == "up" })
	s.await("its replica is online", func() bool {
		return strings.Contains(s.Do("INFO", "replication"), "port="+strconv.Itoa(r.port)+",state=online")
	})
	return r
}

// AwaitCopy waits until a replica has everything that its master has written so far.
func (s *Server) AwaitCopy(master *Server) {
	s.t.Helper()
	written := master.info("replication", "master_repl_offset")
	most, err := strconv.ParseInt(written, 10, 64)
	if err != nil {
		s.t.Fatalf("redistest: %s has written %q: %v", master.Addr(), written, err)
	}
	s.await("what its master has written", func() bool {
		has, err := strconv.ParseInt(s.info("replication", "slave_repl_offset"), 10, 64)
		return err == nil && has >= most
	})
}

// info returns one field of a section of INFO, "" if there is none.
func (s *Server) info(section, field string) string {
	text, _ := s.TryDo("INFO", section)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok && name == field {
			return value
		}
	}
	return ""
}

// Role returns "master", "slave" or "sentinel", in the words of Redis' command ROLE.
func (s *Server) Role() string {
	s.t.Helper()
	return s.List("ROLE")[0]
}

// CutReplica separates a replica from its master: it stays one and keeps what it has, and
// nothing that its master acknowledges from here on reaches it. (Freezing it would not do:
// the kernel still takes the master's bytes for it.)
func (s *Server) CutReplica() {
	s.t.Helper()
	s.Do("REPLICAOF", "127.0.0.1", strconv.Itoa(Port(s.t))) // where nobody listens
}

// Promote makes a replica a master, with what it has of its master's data.
func (s *Server) Promote() {
	s.t.Helper()
	s.Do("REPLICAOF", "NO", "ONE")
	s.Do("CONFIG", "REWRITE")
}

// ClientKill closes the connections of one type ("normal", "pubsub", "replica", "master")
// and returns how many there were.
func (s *Server) ClientKill(kind string) int {
	s.t.Helper()
	n, _ := strconv.Atoi(s.Do("CLIENT", "KILL", "TYPE", kind))
	return n
}
