// Package behaviour holds the scripts that say what clients and backends can rely on, each
// written once and run over every transport against the whole server: embedded broker,
// bridge, transports and API behind a real http.Server on the loopback interface. How a
// process ends is asked of the built binary; what one costs is held in package footprint.
//
// There is nothing to import here; run it with
//
//	go test -race ./internal/behaviour
//
// Scripts wait for what must happen and have no other idea of time: a line that says
// nothing for half a minute has failed.
package behaviour
