package load

import (
	"cmp"
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

func (r *reasons) add(why string) {
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
