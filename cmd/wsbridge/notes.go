package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/client"
)

// notes are lines for people, beside the output for pipes. Several goroutines may say something.
type notes struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func newNotes(w io.Writer) *notes { return &notes{w: w} }

func (n *notes) say(format string, args ...any) { n.print("wsbridge: "+format, args...) }

// print is say without telling who says it.
func (n *notes) print(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.w, format+"\n", args...)
}

// retried tells why something is tried again.
func (n *notes) retried(reason error, after time.Duration) {
	n.say("%v; again in %v", reason, after.Round(time.Millisecond))
}

func (n *notes) state(s client.State) {
	switch s.Status {
	case client.Connected:
		n.say("connected by %v as %s", s.Transport, s.Client)
	case client.Waiting:
		n.retried(s.Err, s.Retry)
	}
}
