// Package arch has no code of its own: its tests hold the shape of the rest, namely which
// package may import which, and that docs/ARCHITECTURE.md lists every goroutine.
package arch
