package load

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
)

// maxReasons bounds how many different reasons are told apart.
const maxReasons = 20

// reasons counts why things failed.
type reasons struct {
	mu     sync.Mutex // guards counts
	counts map[string]int
}

// add counts an error of what was being done. What the system says of a connection counts
// without its addresses: each would be a reason of its own.
func (r *reasons) add(doing string, err error) {
	why := doing + ": " + err.Error()
	var system *net.OpError
	if errors.As(err, &system) {
		why = fmt.Sprintf("%s: %s: %v", doing, system.Op, system.Err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = make(map[string]int)
	}
	if _, known := r.counts[why]; !known && len(r.counts) >= maxReasons {
		why = "other reasons"
	}
	r.counts[why]++
}

// list returns the reasons, the most frequent first.
func (r *reasons) list() []Reason {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []Reason{}
	for why, n := range r.counts {
		list = append(list, Reason{why, n})
	}
	slices.SortFunc(list, func(a, b Reason) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Why, b.Why))
	})
	return list
}
