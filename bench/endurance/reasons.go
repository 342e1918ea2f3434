package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
)

// Reasons count why attempts failed.
type reasons struct {
	mu    sync.Mutex
	total int
	count map[string]int
}

func (r *reasons) add(err error) {
	why := err.Error()
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		why = number.Error() // without addresses, which differ
	case errors.Is(err, os.ErrDeadlineExceeded):
		why = fmt.Sprintf("nothing for %v", attemptTime)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == nil {
		r.count = make(map[string]int)
	}
	r.count[why]++
	r.total++
}

// String is the cell of a table: how many, and why most of them.
func (r *reasons) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	most := ""
	for why, n := range r.count {
		if most == "" || n > r.count[most] || n == r.count[most] && why < most {
			most = why
		}
	}
	if most == "" {
		return "0"
	}
	return fmt.Sprintf("%d (%d: %s)", r.total, r.count[most], strings.ReplaceAll(most, "|", "/"))
}
