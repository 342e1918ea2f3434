// Package pubsubtest is the conformance suite of brokers, and what tests around brokers
// need: a [Recorder] of announcements, and [Faulty], a broker whose line can be cut.
//
//	func TestConformance(t *testing.T) {
//		pubsubtest.Run(t, func(t *testing.T, c pubsubtest.Config) pubsub.Broker {
//			return membroker.New(membroker.Options{Retention: c.Retention, PositionTTL: c.PositionTTL})
//		})
//	}
//
// The suite runs in real time, so that brokers may do I/O. It waits for conditions, at
// most [Patience] for each, and asserts nothing about how long anything takes. Channels
// have new names in every run, so a broker may keep its logs from run to run.
package pubsubtest
