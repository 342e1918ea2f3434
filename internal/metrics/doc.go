// Package metrics counts what an operator watches and serves it to Prometheus.
//
//	m := metrics.New(version)
//	broker := m.Broker(membroker.New(o))              // counts what is published
//	b := bridge.New(broker, bridge.Options{OnGap: m.Gap})
//	m.Watch(metrics.Sources{Status: b.Status})        // asked at each scrape
//	http.Handle("/metrics", m.Handler())
//
// Counting takes no lock and looks nothing up by label, but for what happens once a
// connection or request. It never blocks, so there is nothing to cancel, and the package
// starts no goroutine.
//
// Limits: no metric is labelled by channel, user or anything else that clients choose. A
// label's values are fixed here, and what is not among them counts as [Other]; the routes
// and codes that the server itself names are the exception. All series whose labels are
// known beforehand exist from the start at 0, so that the first occurrence is an increase.
//
// [All] lists every metric, which docs/operations.md is held against.
package metrics
