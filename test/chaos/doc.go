// Package chaos runs real instances of wsbridge on a real Redis behind a real load balancer,
// under traffic, lets bad days come over them, and holds them to their word.
//
//	go test ./chaos                                     every fault once (as make test does)
//	make chaos                                          every fault with 20 seeds, and a table
//	make chaos RUN='restarted empty' SEED=7 SEEDS=1     one run again
//
// A run is a scenario and a seed. The seed chooses the load balancer, the number of
// instances, channels, sizes, moments and ways of the clients; what the machine makes of
// it stays its own. In each run
//
//   - publishers send through the load balancer, one by one and in batches, with idempotency
//     keys, and repeat what fails until it is acknowledged; one sends without keys, once;
//   - one subscriber for each transport stays on it while the fault lasts, and changes
//     transports before and after; two change all the time, one of them straight to another
//     instance; one is away while the fault lasts;
//   - the fault has to be proven: a run in which it did not hit fails, as does one with fewer
//     than 5,000 acknowledged publications, or with a subscriber that changed its transport
//     fewer than 20 times;
//   - the ledger decides in the end (package ledger).
//
// The controls are runs of the same scenarios with instances that were built with a flaw
// (build tag flaws). They fail when the ledger finds nothing.
package chaos
