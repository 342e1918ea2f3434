package membroker

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestDeque compares a deque with a slice.
func TestDeque(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d deque[*int]
		var want []*int
		push := func(t *rapid.T) {
			for range rapid.IntRange(1, 40).Draw(t, "n") {
				v := new(int)
				d.pushBack(v)
				want = append(want, v)
			}
		}
		pop := func(one func()) func(*rapid.T) {
			return func(t *rapid.T) {
				for range min(len(want), rapid.IntRange(1, 40).Draw(t, "n")) {
					one()
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": push,
			"pop the front": pop(func() {
				if d.popFront() != want[0] {
					t.Fatalf("another one was in front")
				}
				want = want[1:]
			}),
			"pop the back": pop(func() {
				last := len(want) - 1
				if d.popBack() != want[last] {
					t.Fatalf("another one was at the back")
				}
				want = want[:last]
			}),
			"": func(t *rapid.T) {
				var got []*int
				for i := range d.len() {
					got = append(got, *d.at(i))
				}
				if !slices.Equal(got, want) {
					t.Fatalf("it holds %v, want %v", got, want)
				}
				if n := len(d.ring); n > 4*len(want) {
					t.Fatalf("a ring of %d holds %d", n, len(want))
				}
				held := 0
				for _, v := range d.ring {
					if v != nil {
						held++
					}
				}
				if held != len(want) {
					t.Fatalf("the ring refers to %d, holds %d", held, len(want))
				}
			},
		})
	})
}
