package main

import (
	"fmt"
	"slices"
)

// A course is a size in bytes as it was from one look to the next.
type course []uint64

// thirds returns the median of each third.
func (c course) thirds() (first, middle, last uint64) {
	a, b := len(c)/3, len(c)-len(c)/3
	return median(c[:a]), median(c[a:b]), median(c[b:])
}

// flat returns an error if the last third is above the middle one by more than growth allows.
// The first does not count: what fills in it is meant to.
func (c course) flat(growth float64) error {
	_, middle, last := c.thirds()
	if float64(last) > growth*float64(middle) {
		return fmt.Errorf("%s in the last third, and %s in the middle one: more than %.2f times as much", mib(last), mib(middle), growth)
	}
	return nil
}

// String is the cell of a table.
func (c course) String() string {
	if len(c) == 0 {
		return "unknown"
	}
	first, middle, last := c.thirds()
	return fmt.Sprintf("%s, %s, %s; %s", mib(first), mib(middle), mib(last), mib(slices.Max(c)))
}

// median returns the middle of what was measured; 0 of nothing.
func median(all []uint64) uint64 {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

func mib(bytes uint64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
