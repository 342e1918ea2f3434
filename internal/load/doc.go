// Package load puts a running server under load, as its backends and clients would, and checks
// every message that comes.
//
//	report, err := load.Run(ctx, load.Fanout, load.Options{URL: "http://127.0.0.1:8080"})
//	if err == nil {
//		err = report.WriteTable(os.Stdout)
//	}
//	if err == nil {
//		err = report.Err() // something was lost, doubled, out of order, damaged or refused
//	}
//
// A [Workload] says how clients connect and what is published: each has a file of its own. Each
// run has channels that nobody else uses. A channel has one publisher, which numbers its messages
// and waits for the answer of one before it sends the next, so that their order is known; what
// each client sees is held against these numbers.
//
// When ctx ends, the run ends early and reports what was measured until then.
//
// # Limits
//
// A run is bounded by its [Options]: clients, publications a second or under way, and time. It
// reaches no other machine unless Options.Remote says so. A client costs one goroutine, one
// connection and a buffer of the size of a message. Latencies are kept in steps of 1.6 %.
package load
