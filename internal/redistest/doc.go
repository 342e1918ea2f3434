// Package redistest gives tests real redis-servers, and lets them have bad days.
//
//	s := redistest.Start(t)              // a redis-server on a loopback port of its own
//	s.Do("SET", "a", "1")                // "OK"
//	s.Freeze()                           // it accepts connections and answers none
//	s.Thaw()
//	s.Kill()                             // gone at once, as in a crash
//	s.Restart()                          // same address, with what it had written to disk
//
//	r := s.Replica(t)                    // copies s
//	r.CutReplica()                       // what s is told from here on never reaches r
//	r.Promote()                          // r is a master, without the tail
//
//	c := redistest.StartCluster(t, 3, 1) // three masters with a replica each
//	c.MoveSlot(42, c.Nodes[0])
//	n := redistest.StartSentinels(t, 3, s)
//	p := redistest.NewProxy(t, s.Addr()) // p.Cut, p.Mute, p.Block
//
// Everything ends with the test that started it. The processes are killed then, and by the
// kernel (on Linux) should the test binary itself die. If the test failed, the end of each
// server's log stands in its output. Without an installed redis-server 7 the test fails.
//
// Methods that control processes belong to the test's goroutine, like its t.Fatal; Do, TryDo
// and List may be called from several at once. A call waits at most 10 seconds for its answer,
// a change of state at most 30 for being visible; whatever takes longer fails the test.
package redistest
