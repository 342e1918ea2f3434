//go:build unix

package main

import (
	"log/slog"
	"math"
	"syscall"
)

const (
	wantFiles = 1 << 20 // each client costs a descriptor
	fewFiles  = 16_384  // below, the limit is worth a word
)

// raiseFileLimit raises the number of open files as far as it may, and says so when it is low.
func raiseFileLimit(log *slog.Logger) {
	if limit := raiseFiles(); limit < fewFiles {
		log.Warn("few files may be open, which limits how many clients can connect; raise it with ulimit -n or LimitNOFILE",
			"limit", limit, "clients", int64(limit)-spareFiles)
	}
}

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
