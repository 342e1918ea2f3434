// Package footprint holds what a server may cost: how much heap, how many goroutines and
// descriptors it has with a client that stands still, with ten thousand that come and go,
// and when all have left. There is nothing to import; run it with
//
//	go test -v ./internal/footprint
//
// which also prints what one connection of each transport takes.
//
// The server, whole and with default options, runs in a process of its own, so that what is
// measured is the server's alone: the test binary, started once more. It answers questions
// about itself on its standard input, which costs it neither a socket nor a goroutine, and
// ends when that is closed, and so also when the test dies.
//
// Both processes need some 10,100 descriptors. Clients are bare connections: the test has
// no goroutine for one that waits.
package footprint
