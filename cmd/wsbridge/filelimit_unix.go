//go:build unix

package main

import (
	"log/slog"
	"syscall"
)

const (
	wantFiles  = 1 << 20 // each client costs a descriptor
	fewFiles   = 16_384  // below, the limit is worth a word
	spareFiles = 100     // what is open beside clients, roughly
)

// raiseFileLimit raises the number of open files as far as it may. The Go runtime has raised
// the soft limit to the hard one already; above that only privileged processes come.
func raiseFileLimit(log *slog.Logger) {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return
	}
	if limit.Cur < wantFiles {
		more := syscall.Rlimit{Cur: wantFiles, Max: max(wantFiles, limit.Max)}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &more) == nil {
			limit = more
		}
	}
	if limit.Cur < fewFiles {
		log.Warn("few files may be open, which limits how many clients can connect; raise it with ulimit -n or LimitNOFILE",
			"limit", limit.Cur, "clients", int64(limit.Cur)-spareFiles)
	}
}
