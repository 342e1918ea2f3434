package main

import (
	"fmt"
	"io"
	"sync"
)

// notes are lines for people, beside the output for pipes. Several goroutines may say something.
type notes struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func newNotes(w io.Writer) *notes { return &notes{w: w} }

func (n *notes) say(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.w, "wsbridge: "+format+"\n", args...)
}
