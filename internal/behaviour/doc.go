// Package behaviour holds the scripts that say what clients and backends can rely on, each
// written once and run over every transport against the whole server: broker, bridge,
// transports and API behind a real http.Server on the loopback interface. How a process ends
// is asked of the built binary; what one costs is held in package footprint.
//
// There is nothing to import here; run it with
//
//	go test -race ./internal/behaviour
//	go test -race -run /redis ./internal/behaviour
//
// # Brokers
//
// Most scripts run twice: over one server with the embedded broker, and over two that share
// a real redis-server, where clients connect to one and backends talk to the other. Their
// text does not know which. Some have one place only:
//
//   - What is refused before a broker is asked (tokens_test.go, origin_test.go,
//     mistakes_test.go) is asked of the embedded one.
//   - Memory that is too short for the retention, and a restart that forgets, are of the
//     embedded broker alone. So is a log that goes back and is just shorter: where Redis
//     lost the end of a log, a mark is left in it, which takes a position (lost_test.go).
//   - Outages that begin and end between two instructions (outage_test.go) need a broker
//     that is made of them. Those of Redis are real: away_test.go freezes and kills it, and
//     muted_test.go lets its announcements vanish.
//   - What takes two instances (instances_test.go) needs Redis.
//
// # Limits
//
// Scripts wait for what must happen and have no other idea of time: a line that says nothing
// for half a minute has failed. Six run at once, since they mostly wait. Redis has to answer
// within two seconds for servers to call it there, so a machine that stalls for longer fails
// those that ask for it.
package behaviour
