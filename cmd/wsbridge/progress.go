package main

import (
	"fmt"
	"time"
)

// progressEvery is how often a long transfer says how far it is.
const progressEvery = 2 * time.Second

// A progress says how far a transfer has come, to people. It is for one goroutine.
type progress struct {
	notes *notes
	verb  string // "sent", "saved"
	name  string
	size  int64 // 0 or less: not known
	told  time.Time
}

func newProgress(n *notes, verb, name string, size int64) *progress {
	return &progress{n, verb, name, size, time.Now()}
}

func (p *progress) at(n int64) {
	if time.Since(p.told) < progressEvery {
		return
	}
	p.told = time.Now()
	if p.size > 0 {
		p.notes.say("%s %s of %s of %q, %d%%", p.verb, amount(n), amount(p.size), p.name, 100*n/p.size)
	} else {
		p.notes.say("%s %s of %q", p.verb, amount(n), p.name)
	}
}

// amount writes a number of bytes for people.
func amount(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
