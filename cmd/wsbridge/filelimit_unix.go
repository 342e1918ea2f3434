//go:build unix

package main

import (
	"math"
	"syscall"
)

const wantFiles = 1 << 20 // each client costs a descriptor

// raiseFiles returns how many files may be open. The Go runtime has raised the soft limit to the
// hard one already; above that only privileged processes come.
func raiseFiles() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return math.MaxUint64
	}
	if limit.Cur < wantFiles {
		more := syscall.Rlimit{Cur: wantFiles, Max: max(wantFiles, limit.Max)}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &more) == nil {
			limit = more
		}
	}
	return uint64(limit.Cur) // signed on some systems
}
