package bridge

import (
	"fmt"
	"slices"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Few or many, subscriptions are found by name, and only those that are there.
func TestSubscriptionsFewAndMany(t *testing.T) {
	var ss subscriptions
	var want []*subscription
	check := func() {
		t.Helper()
		if ss.len() != len(want) {
			t.Fatalf("%d, want %d", ss.len(), len(want))
		}
		got := slices.Collect(ss.all())
		if len(got) != len(want) {
			t.Fatalf("all gives %d of %d", len(got), len(want))
		}
		for _, sub := range want {
			if ss.get(sub.name) != sub || !slices.Contains(got, sub) {
				t.Fatalf("%s is missing", sub.name)
			}
		}
	}
	for i := range 3 * fewSubscriptions {
		sub := &subscription{name: pubsub.Channel(fmt.Sprint("c", i))}
		if ss.get(sub.name) != nil || ss.remove(sub) {
			t.Fatalf("%s is there before it was added", sub.name)
		}
		ss.add(sub)
		want = append(want, sub)
		check()
		if i%3 == 2 {
			gone := want[i/2%len(want)]
			if !ss.remove(gone) || ss.remove(gone) {
				t.Fatalf("%s is there once", gone.name)
			}
			want = slices.DeleteFunc(want, func(s *subscription) bool { return s == gone })
			check()
			if other := (&subscription{name: want[0].name}); ss.remove(other) {
				t.Fatal("another client's subscription was removed")
			}
		}
	}
}
